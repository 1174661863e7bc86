"""The card of an imported data set: the user's description, completed from the mapping."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, field_validator

from training import catalog
from training.base_models import Requested
from training.catalog import library
from training.catalog.column_mapping import Answered, Mapping, Pictured
from training.catalog.library import Card
from training.command_output import CheckResult

CHECKED_FILE = "examples.parquet"
"""File name of the checked data set in its folder."""


class About(Requested):
    """The user's description of an imported data set; empty fields are filled in from the mapping."""

    name: str = Field(title="Name", description=f"What experiments call it: {library.NAME_RULE}.")
    title: str = Field("", max_length=120, title="Title")
    source: str = Field("", max_length=500, title="Source", description="Where the texts and labels are from.")
    licence: str = Field("", max_length=200, title="Licence")
    citation: str = Field("", max_length=1000, title="Citation")

    @field_validator("name")
    @classmethod
    def free(cls, name: str) -> str:
        if not library.NAME.fullmatch(name):
            raise ValueError(f"“{name}” cannot be a name: {library.NAME_RULE}.")
        if name in catalog.DATASETS or catalog.registered(name):
            raise ValueError(f"“{name}” is the name of a data set that the laboratory knows: choose another one.")
        return name


def put(checked: CheckResult, mapping: Mapping, about: About, file_name: str, folder: Path) -> Card:
    """Add the checked data set in ``folder`` to the library. Raises ValueError where its name already means other texts."""
    known = library.get(about.name)
    if known and known.fingerprint != checked.fingerprint:
        raise ValueError(f"There is already a data set “{about.name}” with other content: choose another name.")
    root = mapping.root
    alike = "pixels" if isinstance(root, Pictured) else "features" if checked.report.arrays else "words"
    card = Card(
        name=about.name,
        title=about.title or about.name,
        source=about.source or file_name,
        licence=about.licence or "not stated",
        citation=about.citation or "not stated",
        rows=checked.report.counts.kept,
        fingerprint=checked.fingerprint,
        classes=checked.classes or root.class_names,
        answers=root.rule if isinstance(root, Answered) else None,
        group=f"the same {root.group or alike}",
        mapping=mapping.model_dump(mode="json"),
        report=checked.report,
        made=datetime.now(UTC),
    )
    library.put(card, folder / CHECKED_FILE)
    return card
