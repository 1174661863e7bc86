"""Runs that belong to no experiment any more, and their files on the disk. They are deleted on request only."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from training import Store
from training.names import COMPONENT, within
from webapp.artifact_store import artifact_store
from webapp.experiments.models import ACTIVE, Run
from webapp.row_isolation import Isolated

TRASH = ".trash"


@dataclass(frozen=True)
class Unused:
    """A run without experiment. ``run`` is None for a folder without a run in the database."""

    key: str
    run: Run | None
    size: int
    """Bytes on the disk; files that a share holds as well stay there."""


def unused() -> list[Unused]:
    """Return unused runs, the largest first."""
    store, needed = artifact_store(), _needed()
    runs = {run.key: run for run in Run.objects.exclude(pk__in=needed).exclude(status__in=ACTIVE).defer("spec")}
    known = set(Run.objects.values_list("key", flat=True))
    folders = {path.name for path in store.root.glob("runs/*") if path.is_dir() and COMPONENT.fullmatch(path.name)}
    if store.shared:
        folders |= store.shared.folders("runs")
    rows = [Unused(key, runs.get(key), _size(store, key)) for key in sorted(runs.keys() | folders - known)]
    return sorted(rows, key=lambda row: -row.size)


def _needed() -> set[int]:
    """The runs of experiments, and all runs that these need."""
    needed = set(Run.objects.filter(parts__isnull=False).values_list("pk", flat=True))
    new = needed
    while new:
        new = set(Run.objects.filter(needed_by__in=new).values_list("pk", flat=True)) - needed
        needed |= new
    return needed


def _size(store: Store, key: str) -> int:
    if store.shared:
        return store.shared.size(store.run(key))
    return sum(path.stat().st_size for path in store.run(key).rglob("*") if path.is_file())


def collect(rows: list[Unused]) -> Iterator[Unused]:
    """Delete unused runs and yield those that were deleted; a run that an experiment has got meanwhile stays."""
    by_key = {row.key: row for row in rows}
    for key in by_key:
        if any(Isolated("garbage").each([key], lambda key: _delete(by_key[key]))):
            yield by_key[key]


def _delete(unused: Unused) -> bool:
    store = artifact_store()
    trash = within(store.root / "runs" / TRASH, unused.key)
    with transaction.atomic():
        row = Run.objects.select_for_update().filter(key=unused.key).defer("spec").first()
        if row is not None and (row.status in ACTIVE or row.pk in _needed()):
            return False
        if row is not None:
            row.delete()
        # Moved away within the transaction, so that a new launch of the run never finds files that are about to be deleted.
        if store.run(unused.key).exists():
            trash.parent.mkdir(exist_ok=True)
            shutil.rmtree(trash, ignore_errors=True)
            store.run(unused.key).rename(trash)
        if store.shared:
            store.shared.remove_all(store.run(unused.key))
    shutil.rmtree(trash, ignore_errors=True)
    return True
