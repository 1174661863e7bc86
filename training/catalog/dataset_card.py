"""From a checked file to a card on the shelf: what a person says of it, and what is filled in from the mapping."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, field_validator

from training import catalog
from training.base_models import Requested
from training.catalog import library
from training.catalog.column_mapping import Mapping
from training.catalog.library import Card
from training.command_output import Checked

CHECKED_FILE = "examples.parquet"
"""What checking leaves in its folder."""


class About(Requested):
    """What only a person knows of the data set that they bring; what is empty is filled in from the mapping."""

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
        if name in catalog.DATASETS or name in catalog.REGISTERED:
            raise ValueError(f"“{name}” is the name of a data set that the laboratory knows: choose another one.")
        return name


def put(checked: Checked, mapping: Mapping, about: About, file_name: str, folder: Path) -> Card:
    """Shelves the data set that checking left in ``folder``. Raises ValueError where its name means other texts already."""
    known = library.get(about.name)
    if known and known.fingerprint != checked.fingerprint:
        raise ValueError(f"There is already a data set “{about.name}” with other content: choose another name.")
    how = mapping.root
    card = Card(
        name=about.name,
        title=about.title or about.name,
        source=about.source or file_name,
        licence=about.licence or "not stated",
        citation=about.citation or "not stated",
        rows=checked.report.counts.kept,
        fingerprint=checked.fingerprint,
        classes=how.names,
        group=f"the same {how.group}" if how.group else "the same words",
        mapping=mapping.model_dump(mode="json"),
        report=checked.report,
        made=datetime.now(UTC),
    )
    library.put(card, folder / CHECKED_FILE)
    return card
