"""Blind data sets: only who imported one, and administrators, see its true labels."""

from training import catalog
from webapp.imports.models import BlindDataset, Import, State

PUBLIC = "The truth of this data set is public, so that it cannot be hidden here: import a copy of your own."


def owner_of(name: str) -> int | None:
    """Return the account that sees the truth of the blind data set ``name``, None for a data set that is not blind."""
    return BlindDataset.objects.filter(name=name).values_list("owner_id", flat=True).first()


def importer_of(name: str) -> int | None:
    """Return the account that imported the data set, None for one that ships or was fetched."""
    imported = Import.objects.filter(state=State.SAVED, shelved=name, registered="").order_by("pk")
    return imported.values_list("owner_id", flat=True).first()


def mark(name: str, *, blind: bool) -> bool:
    """Mark the data set as blind, or no longer; return whether that changes anything. Raises ValueError for a public one."""
    importer = importer_of(name)
    if name in catalog.DATASETS or catalog.registered(name) or importer is None:
        raise ValueError(PUBLIC)
    if blind:
        return BlindDataset.objects.get_or_create(name=name, defaults={"owner_id": importer})[1]
    return BlindDataset.objects.filter(name=name).delete()[0] > 0
