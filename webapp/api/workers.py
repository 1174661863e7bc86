"""The workers through the JSON door: which are there, what they train, and draining one."""

from datetime import datetime
from typing import Literal

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from ninja import Router, Schema

from webapp.access import Access, demand
from webapp.accounts.viewer_text import only_looks
from webapp.actions import workers as worker_actions
from webapp.experiments import workers
from webapp.experiments.models import Worker

router = Router()


class DeviceOut(Schema):
    """``memory`` and ``used`` in bytes and ``busy`` from 0 to 1, of the whole device; null where it does not say."""

    name: str
    memory: int | None
    used: int | None
    busy: float | None


class WorkerOut(Schema):
    """``run`` is the one in training."""

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
    found = [
        WorkerOut.model_validate(
            {
                **{name: getattr(one.worker, name) for name in named},
                "name": f"worker {number}" if only_looks(request.user) else one.worker.name,
                "online": one.online,
                "run": one.run and one.run.pk,
            }
        )
        for number, one in enumerate(workers.standings(), 1)
    ]
    return WorkersOut(workers=found)


@router.get("/workers", response=WorkersOut)
def read(request: HttpRequest) -> WorkersOut:
    """The workers that were heard within a week, by name; to accounts that only look, by number."""
    return workers_out(request)


@router.post("/workers/{worker_id}/{act}", response=WorkersOut)
def drain(request: HttpRequest, worker_id: int, act: Literal["drain", "undrain"]) -> WorkersOut:
    """One that is drained ends what it trains and takes nothing more, until it is undrained. For administrators."""
    demand(request.user, Access.ADMIN)
    assert isinstance(request.user, User)
    worker = Worker.objects.filter(pk=worker_id).first()
    if worker is None:
        raise Http404(f"There is no worker {worker_id}.")
    worker_actions.drain(worker, request.user, draining=act == "drain")
    return workers_out(request)
