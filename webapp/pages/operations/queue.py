"""The page of the queue: what trains, what comes next and why it waits, and who may move it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from webapp.access import NOT_YOURS, Access, access_of, admin, may_change, member, viewer
from webapp.actions import queue as queue_actions
from webapp.experiments import queries, queue, requirements, workers
from webapp.experiments.models import LEASED, Experiment, Part, Priority, Run, Status, Worker
from webapp.experiments.progress import seconds_left
from webapp.findings.wording import count, duration
from webapp.parsing import whole


@viewer
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/queue.html", {"queue": QueuePage(request)})


@admin
@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    if request.POST.get("do") == "resume":
        queue_actions.resume(request.user)
    else:
        queue_actions.pause(request.user, request.POST.get("why", "").strip())
    return redirect("queue")


@member
@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Its place among the owner's experiments, by ``to`` or ``before`` another one; or its ``priority`` among everybody's."""
    experiment = get_object_or_404(queries.visible(request.user), pk=pk)
    if not may_change(request.user, experiment):
        raise PermissionDenied(NOT_YOURS)
    assert isinstance(request.user, User)
    to, before, priority = (request.POST.get(name, "") for name in ("to", "before", "priority"))
    if to in MOVES:
        queue_actions.move(experiment, to, request.user)
    elif (other := whole(before)) is not None:
        queue_actions.move(experiment, other, request.user)
    elif (level := whole(priority, min(Priority.values), max(Priority.values))) is not None:
        queue_actions.prioritize(experiment, Priority(level), request.user)
    else:
        raise Http404
    return redirect("queue")


MOVES = {"first": "to the front", "up": "up", "down": "down", "last": "to the end"}


@dataclass
class Line:
    """An experiment with runs in the queue. ``first`` is the position of the first of them, from 1."""

    experiment: Experiment
    first: int = 0
    queued: int = 0
    waiting: int = 0
    mine: bool = False
    alone: bool = True
    """Whether its owner has nothing else in the queue, so that there is nothing to move it among."""

    @property
    def runs(self) -> str:
        return count(self.queued, "run")

    @property
    def why(self) -> str:
        """What it waits for, in words."""
        ahead = self.first - 1
        said = "next" if not ahead else f"{count(ahead, 'run')} before it"
        if not self.waiting:
            return said
        return f"{said}; {count(self.waiting, 'more run')} {'waits' if self.waiting == 1 else 'wait'} for labels"


@dataclass(frozen=True)
class Training:
    run: Run
    experiment: Experiment | None
    percent: int = field(default=0)

    @property
    def left(self) -> str:
        left = seconds_left(self.run)
        return "" if left is None else f"about {duration(left)}"


class QueuePage:
    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        self.pause = queue.pause_now()
        self.access = access_of(request.user)
        self.governs = self.access == Access.ADMIN
        self.priorities = Priority.choices

    @property
    def hindered(self) -> str:
        """Why nothing at all is taken, as far as that is the workers' doing."""
        return requirements.of_any(list(workers.online())) if self.lines and Worker.objects.exists() else ""

    @cached_property
    def training(self) -> list[Training]:
        runs = list(Run.objects.filter(status__in=LEASED).order_by("started_at", "pk"))
        of = {part.run_id: part.experiment for part in self._parts(runs)}
        return [Training(run, of.get(run.pk), round(100 * run.fraction)) for run in runs]

    def _parts(self, runs: list[Run]) -> Any:
        visible = queries.visible(self.user)
        return Part.objects.filter(run__in=runs, experiment__in=visible).select_related("experiment__owner").order_by("-pk")

    @cached_property
    def lines(self) -> list[Line]:
        """In the order in which their first runs come."""
        found: dict[int, Line] = {}
        places = queue.places()
        shown = queries.visible(self.user).select_related("owner").only("name", "priority", "owner__username")
        known = shown.in_bulk({one.experiment for one in places})
        owners: dict[int, set[int]] = {}
        for number, one in enumerate(places, 1):
            experiment = known[one.experiment]
            line = found.setdefault(one.experiment, Line(experiment, number, mine=self._changes(experiment)))
            line.queued += 1
            owners.setdefault(one.owner, set()).add(one.experiment)
        waiting = Part.objects.filter(experiment__in=found, run__status=Status.WAITING)
        for pk in waiting.values_list("experiment", flat=True):
            found[pk].waiting += 1
        for line in found.values():
            line.alone = len(owners[line.experiment.owner_id]) < 2
        return list(found.values())

    def _changes(self, experiment: Experiment) -> bool:
        """``may_change``, asked of many experiments at once."""
        return self.governs or (self.access == Access.MEMBER and experiment.owner_id == self.user.pk)

    @property
    def words(self) -> str:
        queued = sum(line.queued for line in self.lines)
        return f"{count(len(self.training), 'run')} in training, {queued:,} in the queue"
