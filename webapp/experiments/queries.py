"""Every read of the record that a door needs."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery

from training import ExperimentSpec, Plan, Store, make_plan
from training.plan import features_seconds
from training.spec import Problem, warnings
from webapp.experiments.models import ACTIVE, LEASED, Event, Experiment, Part, Run, Status
from webapp.experiments.origins import with_accepted

Viewer = User | AnonymousUser

STATES = {
    "draft": "Draft",
    "waiting": "Queued",
    "running": "Running",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "failed": "Failed",
    "finished": "Done",
}


def visible(viewer: Viewer) -> QuerySet[Experiment]:
    """The experiments that this account may see: those of the whole team, for anybody who has an account."""
    return Experiment.objects.all() if viewer.is_authenticated else Experiment.objects.none()


def visible_runs(viewer: Viewer) -> QuerySet[Run]:
    return Run.objects.filter(experiments__in=visible(viewer)).distinct()


def shared_runs(experiment: Experiment) -> int:
    """How many of its runs other experiments have as well."""
    return Run.objects.filter(experiments=experiment).filter(parts__experiment__in=_others(experiment)).distinct().count()


def _others(experiment: Experiment) -> QuerySet[Experiment]:
    return Experiment.objects.exclude(pk=experiment.pk)


def at_rest(run_id: int) -> list[int]:
    """The experiments of a run of which nothing is at work, or waits, any more."""
    return list(Experiment.objects.filter(runs=run_id, ended_at__isnull=False).distinct().values_list("pk", flat=True))


BEGUN = Q(runs__started_at__gte=F("launched_at"))


IMPORTED = Exists(Part.objects.filter(experiment=OuterRef("pk")).exclude(run__claimed_key=""))
"""Whether some of an experiment's runs were trained elsewhere."""


def listed(viewer: Viewer) -> QuerySet[Experiment]:
    """Experiments, newest first, each with the number of its runs by status, in one query."""
    counts = {f"runs_{status.value}": Count("runs", filter=Q(runs__status=status), distinct=True) for status in Status}
    return (
        visible(viewer)
        .select_related("owner")
        .annotate(imported=IMPORTED, runs_begun=Count("runs", filter=BEGUN, distinct=True), **counts)
        .order_by("-pk")
    )


def is_named(experiment: Experiment, text: str) -> bool:
    """Whether a search for ``text`` means the experiment: by a part of its name, or by its number after a #."""
    return text.lower() in experiment.name.lower() or text == f"#{experiment.pk}"


def state(experiment: Experiment) -> str:
    """One of STATES, derived from the runs; uses the counts of ``listed`` where they are there."""
    if experiment.launched_at is None:
        return "draft"
    counts = run_counts(experiment)
    if counts[Status.RUNNING] or counts[Status.STOPPING]:
        return "stopping" if experiment.stopped_at else "running"
    if counts[Status.WAITING] or counts[Status.QUEUED]:
        begun = (
            experiment.runs_begun
            if hasattr(experiment, "runs_begun")
            else Experiment.objects.filter(BEGUN, pk=experiment.pk).exists()
        )
        if experiment.stopped_at:
            return "stopping" if experiment.evaluates else "stopped"
        return "running" if begun else "waiting"
    # At rest is only what has its result. Both are read off the one row, as the counts may be newer than it.
    if experiment.ended_at is None or experiment.result_due:
        return "running"
    if counts[Status.FAILED]:
        return "failed"
    return "stopped" if counts[Status.STOPPED] or experiment.evaluates else "finished"


def run_counts(experiment: Experiment) -> dict[str, int]:
    if hasattr(experiment, "runs_begun"):
        return {status: getattr(experiment, f"runs_{status.value}") for status in Status}
    found = dict(experiment.runs.order_by().values_list("status").annotate(Count("pk", distinct=True)))
    return {status: found.get(status, 0) for status in Status}


def parts(experiment: Experiment) -> QuerySet[Part]:
    return experiment.parts.select_related("run").order_by("position", "role")


def events_after(run_id: int, seq: int, limit: int = 1000) -> list[dict[str, Any]]:
    """What happened in the run after event ``seq``, oldest first: {"seq", "attempt", "at", **event}."""
    rows = Event.objects.filter(run_id=run_id, seq__gt=seq).order_by("seq")[:limit]
    return [{"seq": row.seq, "attempt": row.attempt, "at": row.at.isoformat(), **_payload(row)} for row in rows]


def _payload(row: Event) -> dict[str, Any]:
    """Of a damaged event, what lets readers go on to the next."""
    told: object = row.payload
    return told if isinstance(told, dict) and isinstance(told.get("kind"), str) else {"kind": "damaged-record"}


def newest(run_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The last metric and the last evaluation of each run, None where there is none yet: {run id: {"metric", "evaluation"}}."""

    def last(kind: str) -> Subquery:
        return Subquery(Event.objects.filter(run=OuterRef("pk"), payload__kind=kind).order_by("-seq").values("payload")[:1])

    rows = Run.objects.filter(pk__in=list(run_ids)).values_list("pk", last("metric"), last("evaluation"))
    return {pk: {"metric": metric, "evaluation": evaluation} for pk, metric, evaluation in rows}


def story(runs: Iterable[Run], kinds: Iterable[str] = ()) -> QuerySet[Event]:
    """What happened to the runs, oldest first, without the numbers of their training; only ``kinds`` where some are given."""
    events = Event.objects.filter(run__in=list(runs)).select_related("run").order_by("at", "pk")
    if kinds:
        return events.filter(payload__kind__in=list(kinds))
    return events.exclude(payload__kind__in=["metric", "evaluation", "progress"])


def twin(owner: User, spec: ExperimentSpec) -> Experiment | None:
    """An earlier launched experiment of the same owner that asked for exactly this, unless it was stopped or failed."""
    same = Experiment.objects.filter(owner=owner, spec=spec.model_dump(mode="json"), launched_at__isnull=False)
    return next((experiment for experiment in same if state(experiment) not in ("stopped", "failed")), None)


@dataclass(frozen=True)
class Preview:
    """What a launch would do: runs asked for, distinct ones, those done before, at work now, and the rest with its time."""

    plan: Plan
    done: frozenset[str]
    at_work: frozenset[str]
    seconds: float
    warnings: list[Problem]

    @property
    def asked(self) -> int:
        return self.plan.asked

    @property
    def unique(self) -> int:
        return len(self.plan.runs)

    @property
    def to_run(self) -> int:
        return self.unique - len(self.done)


def preview(spec: ExperimentSpec) -> Preview:
    plan, store = with_accepted(make_plan(spec)), Store(settings.ARTIFACTS_DIR)
    known = dict(Run.objects.filter(key__in=plan.runs).values_list("key", "status"))
    done = frozenset(key for key, status in known.items() if status == Status.FINISHED and store.finished(key))
    at_work = frozenset(key for key, status in known.items() if status in ACTIVE)
    seconds = sum(seconds for key, seconds in expected_seconds(plan, done).items() if key not in done)
    return Preview(plan, done, at_work, seconds, warnings(spec))


def expected_seconds(plan: Plan, done: Container[str]) -> dict[str, float]:
    """Expected duration of each run: the median of earlier runs that differ in seed and labels alone, else the cost model."""
    estimates = plan.estimate_seconds(done)
    seen: dict[tuple[object, ...], list[float]] = {}
    for key, run in plan.runs.items():
        alike = {f"spec__{name}": getattr(run, name) for name in ALIKE}
        group = tuple(alike.values())
        if group not in seen:
            recent = Run.objects.filter(status=Status.FINISHED, seconds__isnull=False, claimed_key="", **alike).order_by(
                "-ended_at"
            )
            seen[group] = list(recent.values_list("seconds", flat=True)[:5])  # type: ignore[arg-type]
        if len(seen[group]) >= 3:  # fewer may be only the one that also made the features
            estimates[key] = median(seen[group])
    return estimates


ALIKE = (
    *("dataset", "test_fraction", "locked_fraction", "validation_fraction", "limit"),
    *("model", "adaptation", "epochs", "batch_size", "max_tokens"),
)
"""Runs that agree on these take about the same time."""


@dataclass(frozen=True)
class Progress:
    """How far an experiment is: share of the expected work, and the seconds that are left (None when nothing is at work)."""

    fraction: float
    seconds_left: float | None


def progress(experiment: Experiment) -> Progress:
    """Expected durations, corrected by the pace of the run that is at work; what other experiments have before it is counted."""
    runs = {part.run.key: part.run for part in parts(experiment)}
    done_before = {
        key for key, run in runs.items() if run.ended_at and experiment.launched_at and run.ended_at < experiment.launched_at
    }
    expected = _expected(experiment, runs, done_before)
    left = sum(_seconds_left(run, expected[key]) for key, run in runs.items())
    total = sum(expected.values())
    fraction = sum(expected[key] * _share_done(run, expected[key]) for key, run in runs.items()) / total if total else 0.0
    at_work = any(run.status in ACTIVE for run in runs.values())
    return Progress(fraction, left + _ahead(experiment, runs) if at_work else None)


def _expected(experiment: Experiment, runs: Mapping[str, Run], done: Container[str]) -> dict[str, float]:
    return expected_seconds(Plan(experiment.experiment_spec, {key: run.run_spec for key, run in runs.items()}, ()), done)


def _ahead(experiment: Experiment, runs: Mapping[str, Run]) -> float:
    """Seconds that workers still need for runs of experiments launched before, until the first of ours is at work."""
    if any(run.status in LEASED for run in runs.values()):
        return 0.0
    before = Run.objects.filter(
        status__in=ACTIVE, experiments__launched_at__lt=experiment.launched_at, experiments__stopped_at=None
    ).exclude(key__in=runs)
    others = {run.key: run for run in before.distinct()}
    expected = _expected(experiment, others, ())
    return sum(_seconds_left(run, expected[key]) for key, run in others.items())


def _seconds_left(run: Run, expected: float) -> float:
    """Of a run at work, by its own pace once that can be told."""
    measured = seconds_left(run)
    return expected * (1 - _share_done(run, expected)) if measured is None else measured


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


def _share_done(run: Run, expected: float) -> float:
    """Share of a run's work that is done; making features is work too, but not yet training."""
    if run.phase_total and run.status == Status.RUNNING and run.step == 0:
        return run.phase_done / run.phase_total * min(1.0, features_seconds(run.run_spec) / expected)
    return run.fraction
