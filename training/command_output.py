"""The JSON lines that ``python -m training`` data, outside, verify and words print."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from training.base_models import Reported
from training.catalog.check_report import Report
from training.catalog.library import Card
from training.catalog.outside import OutsideCard
from training.events import Progress
from training.names import Key

VECTOR = "features"
"""Begins the type of a column of features in a preview."""


class Column(Reported):
    """A column of a file. ``values`` are all different values of the rows that were read, None where there are many."""

    name: str
    type: str
    values: tuple[str, ...] | None
    length: float = 0.0
    """Mean number of characters of a value."""
    names: tuple[str, ...] = ()
    """Names of the classes 0, 1, … where the file declares them."""


class Preview(Reported):
    """The preview of a file: its columns, and its first rows as texts in the order of the columns."""

    kind: Literal["looked"] = "looked"
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    looked_at: int
    """Number of rows from which types and values were determined."""


class CheckResult(Reported):
    """The result of checking a file; nothing has been added to the library yet."""

    kind: Literal["checked"] = "checked"
    fingerprint: str
    report: Report
    classes: tuple[str, ...] = ()
    """Names of the classes of a feature bundle, which the file has; those of texts are in the mapping."""


class Added(Reported):
    """The data set has been added to the library."""

    kind: Literal["shelved"] = "shelved"
    card: Card


class LabelsChecked(Reported):
    """Labels from outside are valid, and stored if that was asked for."""

    kind: Literal["labels"] = "labels"
    card: OutsideCard


class LabelsMade(Reported):
    """A file with labels was made. ``accuracy`` is their share of true ones; near chance, the classes are in another order."""

    kind: Literal["made"] = "made"
    file: str
    rows: int
    accuracy: float


class Covered(Reported):
    """Labels from outside have every row that the runs need."""

    kind: Literal["covered"] = "covered"
    runs: int


class Refused(Reported):
    """The command has failed; ``error`` is one sentence for the user."""

    kind: Literal["refused"] = "refused"
    error: str


class Verified(Reported):
    """The archive is valid. ``equal`` and ``different`` are the runs whose predictions in the local store are equal or not."""

    kind: Literal["verified"] = "verified"
    content: Key
    equal: tuple[Key, ...] = ()
    different: tuple[Key, ...] = ()


class NotVerified(Reported):
    """The archive is not valid; ``problems`` are sentences."""

    kind: Literal["not-verified"] = "not-verified"
    problems: tuple[str, ...]


class Piece(Reported):
    """Characters ``start`` to ``end`` of a text, the second text where ``side`` is b. ``effect`` is in nats of log-odds."""

    side: Literal["a", "b"]
    start: int
    end: int
    effect: float


class Patch(Reported):
    """A rectangle of an image, its edges as shares of the image's width and height. ``effect`` is in nats of log-odds."""

    left: float
    top: float
    right: float
    bottom: float
    effect: float


class Attribution(Reported):
    """Log-odds that a run gives the true label of an example, and the effect of each piece of its text or image on them.

    A non-empty ``error`` is one sentence for the user; there are no numbers then.
    """

    run: str
    id: int
    log_odds: float = 0.0
    pieces: tuple[Piece, ...] = ()
    patches: tuple[Patch, ...] = ()
    """Those of an image, row by row."""
    error: str = ""


Notice = Annotated[
    Progress | Preview | CheckResult | Added | LabelsChecked | Covered | Refused | Verified | NotVerified,
    Field(discriminator="kind"),
]
NOTICE: TypeAdapter[Notice] = TypeAdapter(Notice)


class MachineCheck(Reported):
    """A check of ``python -m training doctor``: the sentence says what was found, and what to do unless the state is ok."""

    kind: Literal["check"] = "check"
    name: str
    state: Literal["ok", "warning", "failed"]
    sentence: str
    facts: dict[str, str | int | float | bool | list[str] | None] = {}
