"""The queue: in which order workers take runs, and whether they may take any. Who may move what is said by the doors."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max
from django.utils import timezone

from webapp.experiments.models import LEASED, Experiment, Pause, Priority, Run, Status

MEMORY = timedelta(days=1)
"""A start that is longer ago is forgotten when people take turns."""


@dataclass(frozen=True)
class Place:
    """A queued run as one experiment has it; ``place`` is the experiment's among those of its owner."""

    run: int
    experiment: int
    owner: int
    priority: int
    place: int
    launched: datetime
    position: int


def in_order(places: Iterable[Place], training: Mapping[int, int], started: Mapping[int, datetime]) -> list[Place]:
    """One place for each run, the first comes first.

    Experiments of a higher priority come first. Among equal ones people take turns: whoever has fewer runs in training, and then
    whoever's last start (``started``, by owner) is longer ago. A person's own runs are in the order of their experiments, as
    moved, else as launched, and then of the plan. A run that several experiments need has the best of its places.
    """
    own: dict[tuple[int, int], dict[int, Place]] = defaultdict(dict)
    for one in sorted(places, key=lambda one: (one.place, one.launched, one.position, one.run)):
        own[one.priority, one.owner].setdefault(one.run, one)
    never = datetime.min.replace(tzinfo=UTC)
    keyed = [
        ((-priority, training.get(owner, 0) + turn, started.get(owner, never), one.launched, one.position, one.run), one)
        for (priority, owner), mine in own.items()
        for turn, one in enumerate(mine.values())
    ]
    best: dict[int, Place] = {}
    for _, one in sorted(keyed, key=lambda found: found[0]):
        best.setdefault(one.run, one)
    return list(best.values())


def places() -> list[Place]:
    """The queued runs in the order in which workers take them. Of a stopped experiment only what nobody else wants comes last."""
    rows = Run.objects.filter(status=Status.QUEUED, parts__isnull=False).values_list(
        *("pk", "parts__experiment", "parts__experiment__owner", "parts__experiment__priority", "parts__experiment__place"),
        *("parts__experiment__launched_at", "parts__position", "parts__experiment__stopped_at", "queued_at"),
    )
    wanted: list[Place] = []
    rest: list[Place] = []
    for run, experiment, owner, priority, place, launched, position, stopped, queued in rows:
        one = Place(run, experiment, owner, priority, place, launched or queued or timezone.now(), position)
        (wanted if stopped is None else rest).append(one)
    training = Run.objects.filter(status__in=LEASED, experiments__stopped_at=None)
    started = Run.objects.filter(started_at__gt=timezone.now() - MEMORY)
    by_owner = "experiments__owner"
    found = in_order(
        wanted,
        dict(training.values_list(by_owner).annotate(Count("pk", distinct=True))),
        dict(started.exclude(experiments=None).values_list(by_owner).annotate(Max("started_at"))),
    )
    known = {one.run for one in found}
    return found + in_order((one for one in rest if one.run not in known), {}, {})


def queued_run_ids() -> list[int]:
    return [one.run for one in places()]


def next_of(experiment: Experiment) -> int | None:
    """The run of the experiment that comes first in the queue."""
    mine = set(experiment.runs.filter(status=Status.QUEUED).values_list("pk", flat=True))
    return next((pk for pk in queued_run_ids() if pk in mine), None)


def pause_now() -> Pause | None:
    """Who paused the queue, where it is paused."""
    return Pause.objects.select_related("by").first()


@transaction.atomic
def pause(by: User, why: str) -> None:
    """Workers take nothing until ``resume``; what trains goes on. A second pause changes the words of the first."""
    Pause.objects.all().delete()
    Pause.objects.create(by=by, why=why[:200])


def resume() -> bool:
    """Whether it was paused."""
    return bool(Pause.objects.all().delete()[0])


def prioritize(experiment: Experiment, priority: Priority) -> None:
    experiment.priority = priority
    experiment.save(update_fields=["priority"])


@transaction.atomic
def move(experiment: Experiment, to: str | int) -> None:
    """Moves the experiment among those of its owner that have runs in the queue.

    ``to`` is "up", "down", "first" or "last", or the number of the one before which it comes.
    """
    mine = list(dict.fromkeys(one.experiment for one in places() if one.owner == experiment.owner_id))
    if experiment.pk not in mine or (isinstance(to, int) and (to not in mine or to == experiment.pk)):
        return
    at = mine.index(experiment.pk)
    mine.pop(at)
    ways = {"up": max(at - 1, 0), "down": at + 1, "first": 0, "last": len(mine)}
    mine.insert(mine.index(to) if isinstance(to, int) else ways[to], experiment.pk)
    for place, pk in enumerate(mine, start=1 - len(mine)):  # not above 0, where those that come later have their place
        Experiment.objects.filter(pk=pk).update(place=place)
