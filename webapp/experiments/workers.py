"""The workers: what they tell of themselves, which are there, and which are to take nothing more."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from webapp.experiments.models import LEASED, Run, Worker

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
SILENT = timedelta(seconds=60)
"""A worker that was not heard for so long is taken for gone."""
FORGOTTEN = timedelta(days=7)

Device = Mapping[str, Any]


def hello(name: str, engine: int, packages: Mapping[str, str], devices: Sequence[Device], processes: int) -> None:
    """A worker has started. Whether it is being drained is what it was before."""
    told = {"engine": engine, "packages": dict(packages), "devices": list(devices), "processes": processes}
    told |= {"started_at": Now(), "seen_at": Now()}
    if not Worker.objects.filter(name=name).update(**told):  # not read before, as what an earlier one told may be damaged
        Worker.objects.update_or_create(name=name, defaults=told)


def beat(name: str, devices: Sequence[Device]) -> bool:
    """False for a worker that the record does not know, as when the database was away when it started."""
    return bool(Worker.objects.filter(name=name).update(devices=list(devices), seen_at=Now()))


def goodbye(name: str) -> None:
    Worker.objects.filter(name=name).update(seen_at=None)


def known(name: str) -> Worker | None:
    """What is known of the worker; None where it has told nothing, or nothing that can be read."""
    try:
        worker = Worker.objects.filter(name=name).first()
        if worker:
            _ = worker.memory, "torch" in worker.packages
        return worker
    except (ValueError, TypeError, KeyError, AttributeError):
        logger.exception("what worker %s told of itself cannot be read", name)
        return None


def drain(worker: Worker, *, draining: bool) -> bool:
    """Whether that changed anything."""
    return bool(Worker.objects.filter(pk=worker.pk, draining=not draining).update(draining=draining))


def online() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gt=Now() - SILENT)


@dataclass(frozen=True)
class Standing:
    """A worker with what it trains; one that is offline may still hold a run whose lease has not run out."""

    worker: Worker
    online: bool
    run: Run | None


def standings() -> list[Standing]:
    """All workers, by name."""
    there = set(online().values_list("pk", flat=True))
    training = {run.worker: run for run in Run.objects.filter(status__in=LEASED)}
    return [Standing(worker, worker.pk in there, training.get(worker.name)) for worker in Worker.objects.all()]


def forget() -> None:
    """Those that have not been heard for a week."""
    Worker.objects.exclude(seen_at__gt=Now() - FORGOTTEN).filter(started_at__lt=Now() - FORGOTTEN).delete()
