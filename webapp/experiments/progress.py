"""How long runs are expected to take, and how far an experiment is. Runs are counted by group, not looked at one by one."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.db.models import Case, Count, FloatField, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Now

from training import Plan, RunSpec
from training.planning.estimates import estimate_seconds, features_seconds
from training.planning.plan import features_key
from webapp.experiments.models import ACTIVE, LEASED, Event, Experiment, Part, Run, Status
from webapp.experiments.run_groups import ALIKE, group_of

FEWEST = 3
"""Finished runs of a group that say how long the others take; fewer may be only the one that also made the features."""

NEWEST = 5

START_SECONDS = 5.0
"""From the claim of a run to its first sign of progress, as expected."""

PATIENCE = 2.0
"""How many times as long as expected something may show no pace before no time is given."""


def expected_seconds(plan: Plan, done: Container[str]) -> dict[str, float]:
    """Expected duration of each run: the median of earlier runs of its group, else by the cost model."""
    estimates = plan.estimate_seconds(done)
    names: dict[tuple[object, ...], str] = {}
    groups: dict[str, str] = {}
    for key, run in plan.runs.items():
        values = tuple(getattr(run, name) for name in ALIKE)
        groups[key] = names.get(values) or names.setdefault(values, group_of(values))
    known = _medians(names.values())
    return {key: known.get(groups[key], seconds) for key, seconds in estimates.items()}


def _medians(groups: Iterable[str]) -> dict[str, float]:
    """By group, where enough of it have finished: the median seconds of the last of them."""
    finished = Run.objects.filter(status=Status.FINISHED, seconds__isnull=False, claimed_key="")
    known = finished.filter(alike__in=list(groups)).order_by().values("alike").annotate(n=Count("pk")).filter(n__gte=FEWEST)
    found: dict[str, float] = {}
    for group in known.values_list("alike", flat=True):
        newest = finished.filter(alike=group).order_by("-ended_at").values_list("seconds", flat=True)[:NEWEST]
        found[group] = median(seconds for seconds in newest if seconds is not None)
    return found


@dataclass(frozen=True)
class Progress:
    """How far an experiment is: share of the expected work, and the seconds that are left.

    These are None when nothing is at work, and while ``estimating``: something has taken longer than was expected of it and has
    shown no pace of its own yet.
    """

    fraction: float
    seconds_left: float | None
    estimating: bool = False


def progress(experiment: Experiment) -> Progress:
    """Expected durations, corrected by the pace of the run that is at work; what other experiments have before it is counted."""
    mine = Run.objects.filter(pk__in=Part.objects.filter(experiment=experiment).values("run"))
    work = _work(mine)
    at_work = mine.filter(status__in=ACTIVE).exists()
    fraction = work.done / work.total if work.total else 0.0
    if not at_work or work.unknown:
        return Progress(fraction, None, at_work)
    ahead = _ahead(experiment, mine)
    return Progress(fraction, None if ahead is None else work.left + ahead, ahead is None)


@dataclass
class Work:
    """Expected seconds: of all, of what is done, and of what is left by the pace of what is at work."""

    total: float = 0.0
    done: float = 0.0
    left: float = 0.0
    unknown: bool = False
    """Whether something at work shows no pace and has taken longer than expected, so that ``left`` says nothing."""


SHARE = Case(
    When(status=Status.FINISHED, then=Value(1.0)),
    When(total_steps__gt=0, then=Cast("step", FloatField()) / Cast("total_steps", FloatField())),
    default=Value(0.0),
    output_field=FloatField(),
)
"""As Run.fraction."""


def _work(runs: QuerySet[Run]) -> Work:
    """Of ``runs``, by group; those in training are looked at one by one, as workers are few.

    What waits is expected to take as much longer than the cost model says as what trains does.
    """
    training = Q(status=Status.RUNNING)
    groups = list(
        runs.order_by()
        .values("alike")
        .annotate(
            first=Min("pk"),
            number=Count("pk"),
            share=Sum(SHARE),
            resting=Count("pk", filter=~training),
            rested=Sum(SHARE, filter=~training, default=0.0),
            begun=Count("pk", filter=Q(status=Status.FINISHED) | Q(step__gt=0)),
        )
    )
    known = _medians(group["alike"] for group in groups)
    firsts = Run.objects.in_bulk([group["first"] for group in groups])
    expected: dict[str, float] = {}
    features: dict[object, tuple[float, bool]] = {}
    work = Work()
    for group in groups:
        name, spec = group["alike"], _spec(firsts[group["first"]])
        expected[name] = known.get(name) or (estimate_seconds(spec, features_ready=True) if spec else 0.0)
        work.total += expected[name] * group["number"]
        work.done += expected[name] * group["share"]
        if spec is None:
            continue
        seconds, made = features.get(features_key(spec), (features_seconds(spec), False))
        features[features_key(spec)] = seconds, made or name in known or group["begun"] > 0
    making: dict[object, tuple[float, float]] = {}
    slower = Slower()
    for run in runs.filter(training).annotate(now=Now()):
        spec, want = _spec(run), expected[run.alike]
        measured = seconds_left(run)
        if measured is not None:
            slower.add(run.alike, want * (1 - run.fraction), measured)
            work.left += measured
            continue
        work.left += want * (1 - run.fraction)
        if spec is None:
            continue
        seconds, made = features[features_key(spec)]
        if run.step == 0 and run.phase_total and (pace := phase_left(run)) is not None:
            making[features_key(spec)] = run.phase_done / run.phase_total, pace
        elif run.started_at:
            first_sign = START_SECONDS + (0 if made else seconds)
            work.unknown |= (run.now - run.started_at).total_seconds() > PATIENCE * first_sign
    for group in groups:
        longer = 1.0 if group["alike"] in known else slower.factor(group["alike"])
        work.left += longer * expected[group["alike"]] * (group["resting"] - group["rested"])
    for key, (seconds, made) in features.items():
        share, pace = (1.0, 0.0) if made else making.get(key, (0.0, seconds))
        work.total += seconds
        work.done += seconds * share
        work.left += pace
    return work


class Slower:
    """How many times as long as expected the trainings at work take, by group and over all."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}

    def add(self, group: str, expected: float, measured: float) -> None:
        if expected > 0:
            self._factors[group] = measured / expected

    def factor(self, group: str) -> float:
        if group in self._factors:
            return self._factors[group]
        return median(self._factors.values()) if self._factors else 1.0


def _spec(run: Run) -> RunSpec | None:
    """None where the record of the run is damaged: it takes no time, and nobody's page breaks."""
    try:
        return run.run_spec
    except ValueError:
        return None


def _ahead(experiment: Experiment, mine: QuerySet[Run]) -> float | None:
    """Seconds that workers still need for runs of experiments launched before, until the first of ours is at work.

    None where that cannot be told.
    """
    if mine.filter(status__in=LEASED).exists():
        return 0.0
    before = Part.objects.filter(experiment__launched_at__lt=experiment.launched_at, experiment__stopped_at=None)
    work = _work(Run.objects.filter(pk__in=before.values("run"), status__in=ACTIVE).exclude(pk__in=mine.values("pk")))
    return None if work.unknown else work.left


def seconds_left(run: Run) -> float | None:
    """By the steps that this attempt has made so far, from its start or from where it went on, and what they took.

    None for a run that does not train, and before its first steps were told.
    """
    if run.status != Status.RUNNING or not run.step:
        return None
    told = Event.objects.filter(run=run, attempt=run.attempt)
    begun = told.filter(payload__kind="started").last()
    points = told.filter(payload__kind__in=("metric", "evaluation"))
    last = points.annotate(now=Now()).last()
    if begun is None or last is None:
        return None
    first = begun.payload["resumed_from"], begun.at
    return _at_pace(first, (last.payload["step"], last.at), points.count(), run.total_steps, last.now)


def phase_left(run: Run) -> float | None:
    """Seconds that the phase before the training still takes, by what this attempt has told of it; None where it told little."""
    told = Event.objects.filter(run=run, attempt=run.attempt, payload__kind="progress", payload__phase=run.phase)
    first, last = told.first(), told.annotate(now=Now()).last()
    if first is None or last is None:
        return None
    begun, reached = (first.payload["done"], first.at), (last.payload["done"], last.at)
    return _at_pace(begun, reached, told.count() - 1, run.phase_total, last.now)


Point = tuple[int, datetime]


def _at_pace(first: Point, last: Point, gaps: int, total: int, now: datetime) -> float | None:
    """Seconds from ``now`` to ``total`` by the pace from ``first`` to ``last``; None without one.

    Once nothing has come for more than twice the usual gap between two points, the wait belongs to the pace: what stands still
    does not come nearer to its end.
    """
    made, took = last[0] - first[0], (last[1] - first[1]).total_seconds()
    if made <= 0 or took <= 0:
        return None
    waited, rest = (now - last[1]).total_seconds(), total - last[0]
    if waited <= 2 * took / max(1, gaps):
        return max(0.0, rest * took / made - waited)
    return rest * (took + waited) / made
