"""The page of the workers: their devices, the runs in training, and the drained ones."""

from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from webapp.access import Access, Anybody, access_of, admin, viewer
from webapp.accounts.viewer_text import only_reads
from webapp.actions import workers as worker_actions
from webapp.experiments import requirements, workers
from webapp.experiments.models import Worker
from webapp.experiments.workers import Standing
from webapp.findings.wording import count


@viewer
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/workers.html", {"page": WorkersPage(request.user)})


@admin
@require_POST
def drain(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    worker_actions.drain(get_object_or_404(Worker, pk=pk), request.user, draining=request.POST.get("do") == "drain")
    return redirect("workers")


@dataclass(frozen=True)
class Device:
    name: str
    memory: str
    busy: str


class Line(Standing):
    @property
    def word(self) -> str:
        if not self.online:
            return "offline"
        if self.worker.draining:
            return "draining" if self.run else "drained"
        return "at work" if self.run else "free"

    @property
    def style(self) -> str:
        if not self.online:
            return "bad" if self.run else ""
        return "part" if self.worker.draining else "live" if self.run else "done"

    @property
    def devices(self) -> list[Device]:
        return [_device(device) for device in self.worker.devices]

    @property
    def together(self) -> str:
        number = self.worker.processes
        return f"{number} processes train a run together" if number > 1 else ""

    @property
    def versions(self) -> str:
        named = [f"{name} {version}" for name, version in self.worker.packages.items() if name in ("torch", "transformers")]
        return ", ".join([f"engine {self.worker.engine}", *named])


def _device(device: dict[str, object]) -> Device:
    memory, used, busy = device.get("memory"), device.get("used"), device.get("busy")
    gib = requirements.GIB
    memory_text = (
        f"{used / gib:.1f} of {memory / gib:.1f} GiB" if isinstance(used, int) and isinstance(memory, int) else "not reported"
    )
    return Device(str(device["name"]), memory_text, f"{100 * busy:.0f}%" if isinstance(busy, float) else "not reported")


class WorkersPage:
    def __init__(self, user: Anybody) -> None:
        self.user, self.governs = user, access_of(user) == Access.ADMIN

    @cached_property
    def lines(self) -> list[Line]:
        lines = [Line(**vars(standing)) for standing in workers.standings()]
        for number, line in enumerate(lines if only_reads(self.user) else (), 1):
            line.worker.name = f"worker {number}"  # for display only; the object is not saved
        return sorted(lines, key=lambda line: not line.online)

    @property
    def words(self) -> str:
        online = [line for line in self.lines if line.online]
        if not online:
            return "No worker is online: queued runs wait"
        return f"{count(len(online), 'worker')} online, {sum(line.run is not None for line in online)} at work"
