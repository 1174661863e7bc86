"""Runs that no experiment refers to any more, and what they left on the disk. Nothing of it goes by itself."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from training import Store
from training.names import COMPONENT, within
from webapp.experiments.models import ACTIVE, Run
from webapp.row_isolation import Isolated

TRASH = ".trash"


@dataclass(frozen=True)
class Unused:
    """``run`` is None of a folder that belongs to no run of the record: of one that was killed, or was brought by hand."""

    key: str
    run: Run | None
    size: int
    """Bytes on the disk; what a share holds as well stays there."""


def unused() -> list[Unused]:
    """The largest first."""
    store, kept = Store(settings.ARTIFACTS_DIR), _kept()
    runs = {run.key: run for run in Run.objects.exclude(pk__in=kept).exclude(status__in=ACTIVE).defer("spec")}
    known = set(Run.objects.values_list("key", flat=True))
    folders = {path.name for path in store.root.glob("runs/*") if path.is_dir() and COMPONENT.fullmatch(path.name)} - known
    found = [Unused(key, runs.get(key), _size(store.run(key))) for key in sorted(runs.keys() | folders)]
    return sorted(found, key=lambda one: -one.size)


def _kept() -> set[int]:
    """Runs of experiments, and all that labelled for them."""
    kept = set(Run.objects.filter(parts__isnull=False).values_list("pk", flat=True))
    new = kept
    while new:
        new = set(Run.objects.filter(needed_by__in=new).values_list("pk", flat=True)) - kept
        kept |= new
    return kept


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def collect(found: list[Unused]) -> Iterator[Unused]:
    """Deletes them, one after the other; those that an experiment has asked for meanwhile stay, and those that cannot go."""
    by_key = {one.key: one for one in found}
    for key in by_key:
        if any(Isolated("garbage").each([key], lambda key: _delete(by_key[key]))):
            yield by_key[key]


def _delete(one: Unused) -> bool:
    store = Store(settings.ARTIFACTS_DIR)
    trash = within(store.root / "runs" / TRASH, one.key)
    with transaction.atomic():
        row = Run.objects.select_for_update().filter(key=one.key).defer("spec").first()
        if row is not None and (row.status in ACTIVE or row.pk in _kept()):
            return False
        if row is not None:
            row.delete()
        # Moved away before anybody can ask for the run again, who would otherwise find files that are about to go.
        if store.run(one.key).exists():
            trash.parent.mkdir(exist_ok=True)
            shutil.rmtree(trash, ignore_errors=True)
            store.run(one.key).rename(trash)
    shutil.rmtree(trash, ignore_errors=True)
    return True
