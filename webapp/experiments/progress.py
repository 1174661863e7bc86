"""Expected durations of runs, and the progress of an experiment. Runs are counted by group, not read one by one."""

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Case, Count, Exists, FloatField, Min, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Now

from training import Plan, RunSpec
from training.planning.estimates import estimate_seconds, features_seconds
from training.planning.plan import features_pass
from webapp.experiments.models import ACTIVE, LEASED, Experiment, Part, Run, Status
from webapp.experiments.pace import phase_left, seconds_left_by_run
from webapp.experiments.run_groups import ALIKE, group_of

FEWEST = 3
"""Finished runs of a group that are needed for an estimate; a single one may be slower because it computed the features."""

NEWEST = 5

START_SECONDS = 5.0
"""The expected time from the claim of a run to its first sign of progress."""

PATIENCE = 2.0
"""The multiple of the expected time that may pass without a measured pace; then no estimate is shown."""


def expected_seconds(plan: Plan, done: Container[str]) -> dict[str, float]:
    """Return the expected duration of each run: the median of earlier runs of its group, else from the cost model."""
    estimates = plan.estimate_seconds(done)
    names: dict[tuple[object, ...], str] = {}
    groups: dict[str, str] = {}
    for key, run in plan.runs.items():
        values = tuple(getattr(run, name) for name in ALIKE)
        groups[key] = names.get(values) or names.setdefault(values, group_of(values))
    known = _medians(names.values())
    return {key: known.get(groups[key], seconds) for key, seconds in estimates.items()}


def _medians(groups: Iterable[str]) -> dict[str, float]:
    """The median seconds of the latest finished runs, by group; none for a group with few of them. One query for each group."""
    finished = Run.objects.filter(status=Status.FINISHED, seconds__isnull=False, claimed_key="").order_by("-ended_at")
    medians: dict[str, float] = {}
    for group in dict.fromkeys(groups):
        newest = [
            seconds for seconds in finished.filter(alike=group).values_list("seconds", flat=True)[:NEWEST] if seconds is not None
        ]
        if len(newest) >= FEWEST:
            medians[group] = median(newest)
    return medians


@dataclass(frozen=True)
class Progress:
    """The progress of an experiment: the share of the expected work that is done, and the seconds left.

    Seconds are None when nothing is at work, and while ``estimating``: a run has taken longer than expected and has no measured
    pace yet.
    """

    fraction: float
    seconds_left: float | None
    estimating: bool = False


def progress(experiment: Experiment) -> Progress:
    """Return the progress by expected durations, corrected by the measured pace of runs in training.

    Runs of other experiments that come first in the queue count as well.
    """
    runs = Run.objects.filter(pk__in=Part.objects.filter(experiment=experiment).values("run"))
    work = _work(runs)
    at_work = runs.filter(status__in=ACTIVE).exists()
    fraction = work.done / work.total if work.total else 0.0
    if not at_work or work.unknown:
        return Progress(fraction, None, at_work)
    ahead = _ahead(experiment, runs)
    return Progress(fraction, None if ahead is None else work.left + ahead, ahead is None)


@dataclass
class Work:
    """Expected seconds of all runs, of the part that is done, and of the part that is left."""

    total: float = 0.0
    done: float = 0.0
    left: float = 0.0
    unknown: bool = False
    """True if a run in training has no measured pace and has taken longer than expected, so that ``left`` means nothing."""


SHARE = Case(
    When(status=Status.FINISHED, then=Value(1.0)),
    When(total_steps__gt=0, then=Cast("step", FloatField()) / Cast("total_steps", FloatField())),
    default=Value(0.0),
    output_field=FloatField(),
)
"""The expression of Run.fraction."""

TRAINING = Q(status=Status.RUNNING)


def _work(runs: QuerySet[Run]) -> Work:
    """The work of ``runs``, by group; runs in training are read one by one, since there are as many as workers.

    Runs that wait are expected to exceed the cost model by the same factor as runs in training.
    """
    groups = _groups(runs)
    known = _medians(group["alike"] for group in groups)
    firsts = Run.objects.in_bulk([group["first"] for group in groups])
    expected: dict[str, float] = {}
    features = Features()
    work = Work()
    for group in groups:
        name, spec = group["alike"], _spec(firsts[group["first"]])
        expected[name] = known.get(name) or (estimate_seconds(spec, features_ready=True) if spec else 0.0)
        work.total += expected[name] * group["number"]
        work.done += expected[name] * group["share"]
        if spec is not None:
            features.add(spec, computed=name in known or group["begun"] > 0)
    slower = _training_work(runs, expected, features, work)
    for group in groups:
        longer = 1.0 if group["alike"] in known else slower.factor(group["alike"])
        work.left += longer * expected[group["alike"]] * (group["resting"] - group["rested"])
    features.add_to(work)
    return work


def _groups(runs: QuerySet[Run]) -> list[dict[str, Any]]:
    """Counts and shares of ``runs`` by group, in one query."""
    groups: Iterable[Any] = (
        runs.order_by()
        .values("alike")
        .annotate(
            first=Min("pk"),
            number=Count("pk"),
            share=Sum(SHARE),
            resting=Count("pk", filter=~TRAINING),
            rested=Sum(SHARE, filter=~TRAINING, default=0.0),
            begun=Count("pk", filter=Q(status=Status.FINISHED) | Q(step__gt=0)),
        )
    )
    return list(groups)


def _training_work(runs: QuerySet[Run], expected: dict[str, float], features: "Features", work: Work) -> "Slower":
    """Add the work that is left of runs in training to ``work``, and return how much longer than expected they take.

    A worker trains its runs side by side: the one that takes longest ends with the others, and alone each would be faster.
    """
    slower, trained = Slower(), defaultdict[str, list[tuple[str, float, float]]](list)
    training = list(runs.filter(TRAINING).annotate(now=Now()))
    left_of = seconds_left_by_run(training)
    for run in training:
        spec, rest = _spec(run), expected[run.alike] * (1 - run.fraction)
        measured = left_of.get(run.pk)
        if measured is not None:
            trained[run.worker].append((run.alike, rest, measured))
            continue
        work.left += rest
        if spec is None:
            continue
        if run.step == 0 and run.phase == "features" and run.phase_total and (left := phase_left(run)) is not None:
            features.measure(spec, run.phase_done / run.phase_total, left)
        elif run.started_at:
            first_sign = START_SECONDS + features.seconds_to_wait(spec)
            work.unknown |= (run.now - run.started_at).total_seconds() > PATIENCE * first_sign
    for together in trained.values():
        alone, seconds = sum(rest for _, rest, _ in together), max(measured for _, _, measured in together)
        work.left += seconds
        for group, _, _ in together:
            slower.add(group, alone, seconds)
    return slower


class Features:
    """The features that runs compute before training and share: one pass computes those of several depths of a model."""

    def __init__(self) -> None:
        self._seconds: dict[object, float] = {}
        self._computed: set[object] = set()
        self._measured: dict[object, tuple[float, float]] = {}

    def add(self, spec: RunSpec, *, computed: bool) -> None:
        key = features_pass(spec)
        self._seconds[key] = max(self._seconds.get(key, 0.0), features_seconds(spec))
        if computed:
            self._computed.add(key)

    def seconds_to_wait(self, spec: RunSpec) -> float:
        """Return the expected seconds until the features of a run are there."""
        key = features_pass(spec)
        return 0.0 if key in self._computed else self._seconds[key]

    def measure(self, spec: RunSpec, share: float, left: float) -> None:
        """Note the computed share of features and the seconds that are left."""
        self._measured[features_pass(spec)] = share, left

    def add_to(self, work: Work) -> None:
        for key, seconds in self._seconds.items():
            share, left = (1.0, 0.0) if key in self._computed else self._measured.get(key, (0.0, seconds))
            work.total += seconds
            work.done += seconds * share
            work.left += left


class Slower:
    """The factors by which runs in training exceed their expected duration, by group and over all."""

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
    """The spec of the run; None where its row is damaged, so that it takes no time and breaks no page."""
    try:
        return run.run_spec
    except ValueError:
        return None


def _ahead(experiment: Experiment, own: QuerySet[Run]) -> float | None:
    """Seconds that workers still need for runs of experiments launched before, until the first own run is in training.

    None where that is unknown.
    """
    if own.filter(status__in=LEASED).exists():
        return 0.0
    earlier = {"experiment__launched_at__lt": experiment.launched_at, "experiment__stopped_at": None}
    before = Exists(Part.objects.filter(run=OuterRef("pk"), **earlier))
    work = _work(Run.objects.filter(before, status__in=ACTIVE).exclude(pk__in=own.values("pk")))
    return None if work.unknown else work.left
