"""The order in which workers take queued runs, and its pause. Interfaces decide who may change it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max, Min
from django.db.models.functions import Now
from django.utils import timezone

from training.planning.plan import STORED_OF_FEATURES, features_key, features_pass, same_pass
from webapp.experiments.models import LEASED, Experiment, Pause, Priority, Run, Status

MEMORY = timedelta(days=1)
"""An earlier start of a run is forgotten when owners take turns."""


@dataclass(frozen=True)
class Place:
    """A queued run of one experiment; ``place`` is the experiment's among those of its owner."""

    run: int
    experiment: int
    owner: int
    priority: int
    place: int
    launched: datetime
    position: int


def in_order(places: Iterable[Place], training: Mapping[int, int], started: Mapping[int, datetime]) -> list[Place]:
    """Return one place for each run, the first in the queue first.

    Experiments of a higher priority come first. Within a priority, owners take turns: first the owner with fewer runs in training
    (``training``), then the one whose last start (``started``) is longer ago. The runs of one owner are in the order of their
    experiments, as moved, otherwise as launched, and then of the plan. A run of several experiments has the best of its places.
    """
    own: dict[tuple[int, int], dict[int, Place]] = defaultdict(dict)
    for item in sorted(places, key=lambda item: (item.place, item.launched, item.position, item.run)):
        own[item.priority, item.owner].setdefault(item.run, item)
    never = datetime.min.replace(tzinfo=UTC)
    keyed = [
        ((-priority, training.get(owner, 0) + turn, started.get(owner, never), item.launched, item.position, item.run), item)
        for (priority, owner), runs in own.items()
        for turn, item in enumerate(runs.values())
    ]
    best: dict[int, Place] = {}
    for _, item in sorted(keyed, key=lambda pair: pair[0]):
        best.setdefault(item.run, item)
    return list(best.values())


def places() -> list[Place]:
    """Return the queued runs in the order in which workers take them. Runs that only stopped experiments need come last."""
    rows = Run.objects.filter(status=Status.QUEUED, parts__isnull=False).values_list(
        *("pk", "parts__experiment", "parts__experiment__owner", "parts__experiment__priority", "parts__experiment__place"),
        *("parts__experiment__launched_at", "parts__position", "parts__experiment__stopped_at", "queued_at"),
    )
    wanted: list[Place] = []
    rest: list[Place] = []
    for run, experiment, owner, priority, place, launched, position, stopped, queued in rows:
        item = Place(run, experiment, owner, priority, place, launched or queued or timezone.now(), position)
        (wanted if stopped is None else rest).append(item)
    training = Run.objects.filter(status__in=LEASED, experiments__stopped_at=None)
    started = Run.objects.filter(started_at__gt=Now() - MEMORY)
    by_owner = "experiments__owner"
    first = in_order(
        wanted,
        dict(training.values_list(by_owner).annotate(Count("pk", distinct=True))),
        dict(started.exclude(experiments=None).values_list(by_owner).annotate(Max("started_at"))),
    )
    known = {item.run for item in first}
    return first + in_order((item for item in rest if item.run not in known), {}, {})


def queued_run_ids() -> list[int]:
    return [item.run for item in places()]


def next_of(experiment: Experiment) -> int | None:
    """Return the run of the experiment that comes first in the queue."""
    own = set(experiment.runs.filter(status=Status.QUEUED).values_list("pk", flat=True))
    return next((pk for pk in queued_run_ids() if pk in own), None)


def pause_now() -> Pause | None:
    """Return the pause of the queue, None while it is not paused."""
    return Pause.objects.select_related("by").first()


@transaction.atomic
def pause(by: User, why: str) -> None:
    """Pause the queue until ``resume``: workers take no run, and runs in training go on. A second pause replaces the first."""
    Pause.objects.all().delete()
    Pause.objects.create(by=by, why=why[:200])


def resume() -> bool:
    """Resume the queue; return whether it was paused."""
    return bool(Pause.objects.all().delete()[0])


def prioritize(experiment: Experiment, priority: Priority) -> None:
    experiment.priority = priority
    experiment.save(update_fields=["priority"])


@transaction.atomic
def move(experiment: Experiment, to: str | int) -> None:
    """Move the experiment among those of its owner that have runs in the queue.

    ``to`` is "up", "down", "first" or "last", or the number of the experiment before which it comes.
    """
    own = list(dict.fromkeys(item.experiment for item in places() if item.owner == experiment.owner_id))
    if experiment.pk not in own or (isinstance(to, int) and (to not in own or to == experiment.pk)):
        return
    at = own.index(experiment.pk)
    own.pop(at)
    ways = {"up": max(at - 1, 0), "down": at + 1, "first": 0, "last": len(own)}
    own.insert(own.index(to) if isinstance(to, int) else ways[to], experiment.pk)
    for place, pk in enumerate(own, start=1 - len(own)):  # at most 0, the place of experiments that are launched later
        Experiment.objects.filter(pk=pk).update(place=place)


def models_beside(run: Run) -> list[str]:
    """Return the models of later runs of its experiments whose features the pass for those of ``run`` computes as well."""
    spec = run.run_spec
    if features_pass(spec) == features_key(spec):
        return []
    same = {f"spec__{name}": getattr(spec, name) for name in STORED_OF_FEATURES if name != "model"}
    later = Run.objects.filter(parts__experiment__in=run.parts.values("experiment"), status__in=(Status.WAITING, Status.QUEUED))
    firsts = later.filter(**same).order_by().values("spec__model").annotate(first=Min("pk")).values("first")
    return same_pass(spec, (other.run_spec for other in Run.objects.filter(pk__in=firsts)))
