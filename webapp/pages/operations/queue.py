"""The page of the queue: runs in training, the order of the others, the reasons for waiting, and moving experiments."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from webapp.access import NOT_YOURS, Access, access_of, admin, may_change, member, viewer
from webapp.actions import queue as queue_actions
from webapp.experiments import queries, queue, requirements, workers
from webapp.experiments.listing import LARGE
from webapp.experiments.models import LEASED, Experiment, Part, Priority, Run, Worker
from webapp.experiments.pace import seconds_left_by_run
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
    """Move the experiment among those of its owner (``to``, or ``before`` another one), or change its ``priority`` among all."""
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


LARGE_OF_EXPERIMENTS = tuple(f"experiment__{name}" for name in (*LARGE, "result"))

SHOWN = 200
"""Experiments that the page shows; its size does not grow with the queue."""

MOVES = {"first": "to the front", "up": "up", "down": "down", "last": "to the end"}


@dataclass(frozen=True)
class Line:
    """An experiment with runs in the queue. ``first`` is the position of its first run, from 1."""

    experiment: Experiment
    first: int
    queued: int
    changes: bool
    alone: bool
    """Return whether it is the owner's only experiment in the queue, so that it cannot be moved."""

    @property
    def runs(self) -> str:
        return count(self.queued, "run")

    @property
    def why(self) -> str:
        """The reason for waiting, in words."""
        ahead = self.first - 1
        position = "next" if not ahead else f"{count(ahead, 'run')} before it"
        waiting = self.experiment.runs_waiting
        if not waiting:
            return position
        return f"{position}; {count(waiting, 'more run')} {'waits' if waiting == 1 else 'wait'} for labels"


@dataclass(frozen=True)
class Training:
    run: Run
    experiment: Experiment | None
    percent: int = 0
    left: str = ""


class QueuePage:
    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        self.pause = queue.pause_now()
        self.access = access_of(request.user)
        self.governs = self.access == Access.ADMIN
        self.priorities = Priority.choices

    @property
    def hindered(self) -> str:
        """The reason for which workers take no runs at all, if there is one."""
        return requirements.of_any(list(workers.online())) if self.lines and Worker.objects.exists() else ""

    @cached_property
    def training(self) -> list[Training]:
        runs = list(Run.objects.filter(status__in=LEASED).order_by("started_at", "pk"))
        of = {part.run_id: part.experiment for part in self._parts(runs)}
        left = {pk: f"about {duration(seconds)}" for pk, seconds in seconds_left_by_run(runs).items()}
        return [Training(run, of.get(run.pk), round(100 * run.fraction), left.get(run.pk, "")) for run in runs]

    def _parts(self, runs: list[Run]) -> QuerySet[Part]:
        parts = queries.visible_parts(self.user).filter(run__in=runs).select_related("experiment__owner")
        return parts.defer(*LARGE_OF_EXPERIMENTS).order_by("-pk")

    @cached_property
    def places(self) -> list[queue.Place]:
        return queue.places()

    @cached_property
    def lines(self) -> list[Line]:
        """The first experiments in the order of their first runs."""
        firsts: dict[int, int] = {}
        for number, place in enumerate(self.places, 1):
            firsts.setdefault(place.experiment, number)
        shown = list(firsts)[:SHOWN]
        queued = Counter(place.experiment for place in self.places)
        experiments_of = Counter(owner for _, owner in {(place.experiment, place.owner) for place in self.places})
        rows = queries.visible(self.user).select_related("owner").only("name", "priority", "owner__username", "runs_waiting")
        known = rows.in_bulk(shown)
        return [
            Line(
                experiment=known[pk],
                first=firsts[pk],
                queued=queued[pk],
                changes=self._changes(known[pk]),
                alone=experiments_of[known[pk].owner_id] < 2,
            )
            for pk in shown
            if pk in known  # it may have been deleted meanwhile
        ]

    @property
    def more(self) -> int:
        """The number of experiments after those that are shown."""
        return max(0, len({place.experiment for place in self.places}) - SHOWN)

    def _changes(self, experiment: Experiment) -> bool:
        """Return ``may_change`` of an experiment, without a query for each."""
        return self.governs or (self.access == Access.MEMBER and experiment.owner_id == self.user.pk)

    @property
    def words(self) -> str:
        return f"{count(len(self.training), 'run')} in training, {len(self.places):,} in the queue"
