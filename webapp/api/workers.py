"""The workers in the API: the list with their runs, and draining."""

from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from ninja import Router, Schema

from webapp.access import Access, demand
from webapp.accounts.viewer_text import only_reads
from webapp.actions import workers as worker_actions
from webapp.experiments import workers
from webapp.experiments.models import Worker

router = Router()


class DeviceOut(Schema):
    """An accelerator.

    ``memory`` and ``used`` are in bytes and ``busy`` is from 0 to 1, for the whole device; null if it reports none.
    """

    name: str
    memory: int | None
    used: int | None
    busy: float | None


class WorkerOut(Schema):
    """A worker. ``run`` is the run in training."""

    id: int
    name: str
    online: bool
    draining: bool
    engine: int
    packages: dict[str, str]
    devices: list[DeviceOut]
    processes: int
    run: int | None
    started_at: datetime | None
    seen_at: datetime | None


class WorkersOut(Schema):
    workers: list[WorkerOut]


def workers_out(request: HttpRequest) -> WorkersOut:
    named = ("id", "name", "draining", "engine", "packages", "devices", "processes", "started_at", "seen_at")
    rows = [
        WorkerOut.model_validate(
            {
                **{name: getattr(standing.worker, name) for name in named},
                "name": f"worker {number}" if only_reads(request.user) else standing.worker.name,
                "online": standing.online,
                "run": standing.run and standing.run.pk,
            }
        )
        for number, standing in enumerate(workers.standings(), 1)
    ]
    return WorkersOut(workers=rows)


@router.get("/workers", response=WorkersOut)
def read(request: HttpRequest) -> WorkersOut:
    """List the workers that reported within a week, by name; viewers see numbers instead of names."""
    return workers_out(request)


@router.post("/workers/{worker_id}/{act}", response=WorkersOut)
def drain(request: HttpRequest, worker_id: int, act: Literal["drain", "undrain"]) -> WorkersOut:
    """Drain a worker, or undo it: a drained worker ends its present run and takes no other. For administrators."""
    demand(request.user, Access.ADMIN)
    assert isinstance(request.user, User)
    worker = Worker.objects.filter(pk=worker_id).first()
    if worker is None:
        raise Http404(f"There is no worker {worker_id}.")
    worker_actions.drain(worker, request.user, draining=act == "drain")
    return workers_out(request)
