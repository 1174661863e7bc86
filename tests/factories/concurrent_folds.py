"""Events of runs of the same experiments that are folded at once, for a database with row locks."""

import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import MetricLogged, RunStarted
from webapp.experiments import lifecycle
from webapp.experiments.changes import recount
from webapp.experiments.listing_models import COUNTS
from webapp.experiments.models import Experiment, Run, Status
from webapp.pages.accounts.one_time_links import first_account

WRITERS, ROUNDS = 4, 40


def errors_of_concurrent_folds() -> list[str]:
    """Return the errors of all writers, and the columns of experiments that differ from a recount."""
    with transaction.atomic():  # so that no worker ever sees one of the runs in the queue
        owner = first_account()
        experiments = [launched(owner, name=f"Number {number}", seeds=WRITERS, data={"split_seed": 99}) for number in range(4)]
        queued = list(experiments[0].runs.filter(status=Status.QUEUED).distinct().values_list("pk", flat=True))
        runs = [run for pk in queued if (run := claims.claim(pk, "worker@shell"))][:WRITERS]
        Run.objects.filter(worker="worker@shell").update(lease_until=timezone.now() + timedelta(hours=1))
    assert len(runs) == WRITERS
    errors: list[str] = []
    together = threading.Barrier(WRITERS + 1)
    writers = [threading.Thread(target=_write, args=(_folds(run), together, errors)) for run in runs]
    writers.append(threading.Thread(target=_write, args=(_renames(experiments), together, errors)))
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for experiment in Experiment.objects.filter(pk__in=[row.pk for row in experiments]):
        counted = recount(experiment.pk)
        errors += [f"{experiment}: {name}" for name in (*COUNTS, "percents") if getattr(experiment, name) != counted[name]]
    return errors


def _write(step: Callable[[int], None], together: threading.Barrier, errors: list[str]) -> None:
    try:
        for number in range(ROUNDS):
            together.wait(60)
            step(number)
    except Exception as error:
        errors.append(repr(error))
        together.abort()
    finally:
        connection.close()


def _folds(run: Run) -> Callable[[int], None]:
    claims.append_events(run.pk, run.attempt, [RunStarted(total_steps=ROUNDS, device="cpu", versions={})])

    def step(number: int) -> None:
        claims.append_events(run.pk, run.attempt, [MetricLogged(step=number + 1, loss=0.5, lr=1e-3)])

    return step


def _renames(experiments: list[Experiment]) -> Callable[[int], None]:
    return lambda number: lifecycle.rename(Experiment.objects.get(pk=experiments[-1 - number % 4].pk), f"Name {number}")
