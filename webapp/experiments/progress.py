"""How long runs are expected to take, and how far an experiment is. Runs are counted by group, not looked at one by one."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from statistics import median

from django.db.models import Case, Count, FloatField, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast

from training import Plan, RunSpec
from training.plan import estimate_seconds, features_key, features_seconds
from webapp.experiments.alike import ALIKE, group_of
from webapp.experiments.models import ACTIVE, LEASED, Event, Experiment, Part, Run, Status

FEWEST = 3
"""Finished runs of a group that say how long the others take; fewer may be only the one that also made the features."""

NEWEST = 5


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
    """How far an experiment is: share of the expected work, and the seconds that are left (None when nothing is at work)."""

    fraction: float
    seconds_left: float | None


def progress(experiment: Experiment) -> Progress:
    """Expected durations, corrected by the pace of the run that is at work; what other experiments have before it is counted."""
    mine = Run.objects.filter(pk__in=Part.objects.filter(experiment=experiment).values("run"))
    work = _work(mine)
    at_work = mine.filter(status__in=ACTIVE).exists()
    fraction = work.done / work.total if work.total else 0.0
    return Progress(fraction, work.left + _ahead(experiment, mine) if at_work else None)


@dataclass
class Work:
    """Expected seconds: of all, of what is done, and of what is left by the pace of what is at work."""

    total: float = 0.0
    done: float = 0.0
    left: float = 0.0


SHARE = Case(
    When(status=Status.FINISHED, then=Value(1.0)),
    When(total_steps__gt=0, then=Cast("step", FloatField()) / Cast("total_steps", FloatField())),
    default=Value(0.0),
    output_field=FloatField(),
)
"""As Run.fraction."""


def _work(runs: QuerySet[Run]) -> Work:
    """Of ``runs``, by group; those in training are looked at one by one, as workers are few."""
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
        work.left += expected[name] * (group["resting"] - group["rested"])
        if spec is None:
            continue
        seconds, made = features.get(features_key(spec), (features_seconds(spec), False))
        features[features_key(spec)] = seconds, made or name in known or group["begun"] > 0
    making: dict[object, float] = {}
    for run in runs.filter(training):
        measured = seconds_left(run)
        work.left += expected[run.alike] * (1 - run.fraction) if measured is None else measured
        if run.phase_total and run.step == 0 and (spec := _spec(run)):
            making[features_key(spec)] = run.phase_done / run.phase_total
    for key, (seconds, made) in features.items():
        share = 1.0 if made else making.get(key, 0.0)
        work.total += seconds
        work.done += seconds * share
        work.left += seconds * (1 - share)
    return work


def _spec(run: Run) -> RunSpec | None:
    """None where the record of the run is damaged: it takes no time, and nobody's page breaks."""
    try:
        return run.run_spec
    except ValueError:
        return None


def _ahead(experiment: Experiment, mine: QuerySet[Run]) -> float:
    """Seconds that workers still need for runs of experiments launched before, until the first of ours is at work."""
    if mine.filter(status__in=LEASED).exists():
        return 0.0
    before = Part.objects.filter(experiment__launched_at__lt=experiment.launched_at, experiment__stopped_at=None)
    return _work(Run.objects.filter(pk__in=before.values("run"), status__in=ACTIVE).exclude(pk__in=mine.values("pk"))).left


def seconds_left(run: Run) -> float | None:
    """By the steps that this attempt has made so far, from its start or from where it went on, and what they took.

    None for a run that does not train, and before its first steps were told.
    """
    if run.status != Status.RUNNING or not run.step:
        return None
    told = Event.objects.filter(run=run, attempt=run.attempt)
    begun = told.filter(payload__kind="started").last()
    last = told.filter(payload__kind__in=("metric", "evaluation")).last()
    if begun is None or last is None:
        return None
    made = last.payload["step"] - begun.payload["resumed_from"]
    took = (last.at - begun.at).total_seconds()
    return (run.total_steps - last.payload["step"]) * took / made if made > 0 and took > 0 else None
