"""Registered workers."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from training.spec import ENGINE_VERSION
from webapp.experiments import requirements, workers
from webapp.experiments.models import Worker

CPU = {"name": "CPU, 2 cores", "memory": None, "used": None, "busy": None}


def a_worker(name: str = "worker0@gpu", **changes: Any) -> Worker:
    announced: dict[str, Any] = {"engine": ENGINE_VERSION, "packages": {}, "devices": [CPU], "processes": 1}
    workers.register(name, **announced | changes)
    return Worker.objects.get(name=name)


def silence(worker: Worker, minutes: float) -> None:
    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(minutes=minutes))


def gpu(gib: float) -> dict[str, Any]:
    return {"name": "A GPU", "memory": round(gib * requirements.GIB), "used": 0, "busy": 0.0}
