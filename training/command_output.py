"""What ``python -m training data`` and ``words`` tell to whoever started them, one JSON line each."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from training.base_models import Reported
from training.catalog.check_report import Report
from training.catalog.library import Card
from training.events import Progress
from training.names import Key


class Column(Reported):
    """``values`` are all that were seen, None where there are many."""

    name: str
    type: str
    values: tuple[str, ...] | None
    length: float = 0.0
    """Characters of a value, their mean."""


class Looked(Reported):
    """The first look at a file: its columns, and its first rows as texts in the order of the columns."""

    kind: Literal["looked"] = "looked"
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    looked_at: int
    """Rows that types and values were told from."""


class Checked(Reported):
    """The checks are done; nothing is on the shelf yet."""

    kind: Literal["checked"] = "checked"
    fingerprint: str
    report: Report


class Shelved(Reported):
    """The data set is on the shelf."""

    kind: Literal["shelved"] = "shelved"
    card: Card


class Refused(Reported):
    """``error`` is one sentence for a person."""

    kind: Literal["refused"] = "refused"
    error: str


class Verified(Reported):
    """An archive is what it says. Keys of its runs that are here too: ``equal`` say the same there, ``different`` do not."""

    kind: Literal["verified"] = "verified"
    content: Key
    equal: tuple[Key, ...] = ()
    different: tuple[Key, ...] = ()


class NotVerified(Reported):
    """What is wrong with an archive, a sentence each."""

    kind: Literal["not-verified"] = "not-verified"
    problems: tuple[str, ...]


class Piece(Reported):
    """Characters ``start`` to ``end`` of a text, of the second of two where ``side`` is b. ``effect`` is in nats of log-odds."""

    side: Literal["a", "b"]
    start: int
    end: int
    effect: float


class Erasure(Reported):
    """The log-odds that a run gives to the true label of an example, and how far each piece of its text raises them.

    Where ``error`` is a sentence for a person there is no answer.
    """

    run: str
    id: int
    log_odds: float = 0.0
    pieces: tuple[Piece, ...] = ()
    error: str = ""


Notice = Annotated[Progress | Looked | Checked | Shelved | Refused | Verified | NotVerified, Field(discriminator="kind")]
NOTICE: TypeAdapter[Notice] = TypeAdapter(Notice)
