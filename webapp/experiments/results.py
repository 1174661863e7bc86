"""Results of experiments, computed from the predictions of their finished runs and stored with the experiment."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db.models.functions import Now

from training.metrics.results import summarize
from training.storage.checksums import MISSING, DamagedArtifact
from training.storage.remote import StoreUnreachable
from training.storage.written_answers import Outputs
from webapp.artifact_store import artifact_store
from webapp.database_outages import is_away
from webapp.experiments.changes import changing, experiment_changed
from webapp.experiments.damage import train_again
from webapp.experiments.dependents import note_result_error
from webapp.experiments.imported_runs import compare
from webapp.experiments.list_columns import columns_of_result
from webapp.experiments.models import Experiment, Status
from webapp.row_isolation import Isolated, sentence

logger = logging.getLogger(__name__)

OVERDUE_SECONDS = 10.0
"""The time after the end of an experiment when the recovery computes a result that is still due."""

_refreshing = Isolated("results")


def refresh_results(run_ids: Iterable[int]) -> set[int]:
    """Compute the results of the experiments with these runs, compare imported runs, and return the runs that changed."""
    compare()
    launched = Experiment.objects.filter(runs__in=list(run_ids), launched_at__isnull=False).distinct()
    pks = list(launched.values_list("pk", flat=True))
    return set().union(*_refreshing.each(pks, _refresh_by_id, note_result_error))


def _refresh_by_id(pk: int) -> set[int]:
    experiment = Experiment.objects.filter(pk=pk).first()
    return refresh_result(experiment) if experiment else set()


def refresh_result(experiment: Experiment) -> set[int]:
    """Store the result over the runs finished by now, unless another process has stored the one that is due.

    It stays due where another run finished meanwhile; the process that finished that run stores it. A run with a damaged file is
    left out and trained again. Return the runs that have changed, and after a change of the result one run of the experiment, for
    its pages to be notified.
    """
    changed: set[int] = set()
    while True:
        try:
            if _refresh(experiment):
                changed.update(experiment.runs.order_by("pk").values_list("pk", flat=True)[:1])
        except DamagedArtifact as damage:
            if again := train_again(damage):
                changed |= again
                continue
        return changed


def _refresh(experiment: Experiment) -> bool:
    """Compute the result, or in its place the error, and return whether it was stored. Raises DamagedArtifact."""
    finished = _finished_keys(experiment)
    result, error = _computed(experiment, finished)
    with changing():
        row = Experiment.objects.select_for_update().filter(pk=experiment.pk).first()
        if row is None:
            return False  # deleted meanwhile
        now = _finished_keys(experiment)
        stored = finished == now or row.result_runs != now
        if stored:
            row.result, row.result_runs, row.result_error = result, finished, error
            row.result_due = finished != now
            columns = columns_of_result(result, row.weak_model, row.strong_model)
            for name, value in columns.items():
                setattr(row, name, value)
            row.save(update_fields=["result", "result_runs", "result_error", "result_due", *columns])
            experiment_changed(row.pk)
    return stored


def _computed(experiment: Experiment, finished: list[str]) -> tuple[dict[str, object] | None, str]:
    """The result, or None and an error. Any exception becomes an error, since the files of a run may contain anything."""
    store = artifact_store()

    def read(key: str) -> Outputs:
        if key in finished and not store.finished(key):
            raise DamagedArtifact(key, "predictions.parquet", MISSING)
        return store.read_outputs(key)

    if not finished:
        return None, ""
    try:
        return summarize(experiment.compared, read, store.read_course).model_dump(mode="json"), ""
    except (DamagedArtifact, StoreUnreachable):
        raise
    except OSError as problem:
        return None, f"The predictions of a finished run cannot be read: {problem.strerror or problem}."
    except ValueError as problem:
        return None, str(problem)
    except Exception as problem:
        if is_away(problem):
            raise
        logger.exception("the result of %s cannot be computed", experiment)
        return None, f"The predictions of a finished run are damaged. {sentence(problem)}"


def _finished_keys(experiment: Experiment) -> list[str]:
    return sorted(set(experiment.runs.filter(status=Status.FINISHED).values_list("key", flat=True)))


def refresh_overdue() -> set[int]:
    """Compute results that are due because a worker died between the end of a run and its result."""
    overdue = Experiment.objects.filter(result_due=True, ended_at__lt=Now() - timedelta(seconds=OVERDUE_SECONDS))
    pks = sorted(overdue.order_by().values_list("pk", flat=True))  # not by the database, which would read the whole table
    return set().union(*_refreshing.each(pks, _refresh_by_id, note_result_error))
