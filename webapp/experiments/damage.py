"""Damaged artifacts of finished runs: these runs are trained again."""

import logging

from training.events import ArtifactDamaged, RunFailed, RunWaiting
from training.storage.checksums import DamagedArtifact
from training.storage.event_files import is_event_file
from webapp.artifact_store import artifact_store
from webapp.experiments.bulk import append, lock, lock_run
from webapp.experiments.changes import changing
from webapp.experiments.dependents import rest, start
from webapp.experiments.models import Run, Status

logger = logging.getLogger(__name__)

MOST_LOOKED_AT, LEAST_LOOKED_AT = 20, 2
EMPTY = "No file of any finished run is in the store of artifacts. Is its disk mounted? No run is trained again."


def store_is_empty() -> bool:
    """Return whether none of the runs that finished last has its files: a disk that is not mounted looks so, and no damage."""
    keys = Run.objects.filter(status=Status.FINISHED).order_by("-ended_at").values_list("key", flat=True)[:MOST_LOOKED_AT]
    store = artifact_store()
    return len(keys) >= LEAST_LOOKED_AT and not any(store.finished(key) for key in keys)


def train_again(damage: DamagedArtifact) -> set[int]:
    """Train the run of a damaged file again, if a second read finds the damage too; return the runs that changed.

    Nothing makes damaged files of events again. Where the files of all other runs are missing too, no run is trained again.
    """
    if is_event_file(damage.name):
        return set()
    if store_is_empty():
        logger.error(EMPTY)
        return set()
    run = Run.objects.filter(key=damage.key, status=Status.FINISHED).first()
    confirmed = artifact_store().damage(run.key, again=True) if run else None
    return _train_again(run.pk, run.last_seq, confirmed) if run and confirmed else set()


@changing()
def _train_again(run_id: int, seq: int, damage: DamagedArtifact) -> set[int]:
    """Move the run's artifacts aside, unless anything happened to it since ``seq``, and queue it with the runs that it needs.

    Queued runs that read it wait for it again; runs that have read it already stay as they are.
    """
    run = lock_run(run_id)
    if run.status != Status.FINISHED or run.last_seq != seq:
        return set()
    append([(run, [ArtifactDamaged(file=damage.name, problem=damage.problem)])])
    artifact_store().quarantine(run.key)
    changed = {run.pk}
    if run.imported:
        append(
            [(run, [RunFailed(error=f"{damage} It was trained elsewhere, so that it cannot be trained again under this key.")])]
        )
        return changed | rest([run])
    for pk in run.needed_by.filter(status=Status.QUEUED).order_by("pk").values_list("pk", flat=True):
        dependent = lock_run(pk)
        if dependent.status == Status.QUEUED:
            append([(dependent, [RunWaiting()])])
            changed.add(pk)
    run.experiments.filter(launched_at__isnull=False).update(ended_at=None)
    order = _unfinished(run)
    runs = {row.pk: row for row in lock(Run.objects.filter(pk__in=order))}
    return changed | start([runs[pk] for pk in order])


def _unfinished(run: Run) -> list[int]:
    """The run and the runs that it needs and that have not finished, in an order in which they can be trained."""
    needs = [pk for need in run.needs.exclude(status=Status.FINISHED) for pk in _unfinished(need)]
    return [*dict.fromkeys(needs), run.pk]
