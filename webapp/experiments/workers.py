"""Workers: their own descriptions, which of them are online, and which are being drained."""

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
"""A worker without a heartbeat for this long counts as offline."""
FORGOTTEN = timedelta(days=7)

Device = Mapping[str, Any]


def register(name: str, engine: int, packages: Mapping[str, str], devices: Sequence[Device], processes: int) -> None:
    """Store the description of a worker that has started. Draining goes on if it was being drained before."""
    columns = {"engine": engine, "packages": dict(packages), "devices": list(devices), "processes": processes}
    columns |= {"started_at": Now(), "seen_at": Now()}
    if not Worker.objects.filter(name=name).update(**columns):  # without reading the row, which may be damaged
        Worker.objects.update_or_create(name=name, defaults=columns)


def beat(name: str, devices: Sequence[Device]) -> bool:
    """Store a heartbeat. False for an unknown worker, as when the database was away when it started."""
    return bool(Worker.objects.filter(name=name).update(devices=list(devices), seen_at=Now()))


def leave(name: str) -> None:
    """Store that a worker has ended in order."""
    Worker.objects.filter(name=name).update(seen_at=None)


def known(name: str) -> Worker | None:
    """Return the worker; None where it has not registered, or its row cannot be read."""
    try:
        worker = Worker.objects.filter(name=name).first()
        if worker:
            _ = worker.memory, "torch" in worker.packages
        return worker
    except (ValueError, TypeError, KeyError, AttributeError):
        logger.exception("the description of worker %s cannot be read", name)
        return None


def drain(worker: Worker, *, draining: bool) -> bool:
    """Begin or end draining; return whether that changed anything."""
    return bool(Worker.objects.filter(pk=worker.pk, draining=not draining).update(draining=draining))


def online() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gt=Now() - SILENT)


@dataclass(frozen=True)
class Standing:
    """A worker and the (first) run that it trains; an offline worker may still hold a run whose lease has not expired."""

    worker: Worker
    online: bool
    run: Run | None


def standings() -> list[Standing]:
    """All workers, by name."""
    online_pks = set(online().values_list("pk", flat=True))
    training = {run.worker: run for run in Run.objects.filter(status__in=LEASED).order_by("-pk")}
    return [Standing(worker, worker.pk in online_pks, training.get(worker.name)) for worker in Worker.objects.all()]


def forget() -> None:
    """Delete workers without a heartbeat for a week."""
    Worker.objects.exclude(seen_at__gt=Now() - FORGOTTEN).filter(started_at__lt=Now() - FORGOTTEN).delete()
