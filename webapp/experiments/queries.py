"""Reads of experiments and runs, for every interface."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from training import ExperimentSpec, Plan, Store, make_plan
from training.spec import Problem, warnings
from webapp.experiments.imported_runs import with_accepted
from webapp.experiments.models import ACTIVE, Event, Experiment, Part, Run, Status, Transition
from webapp.experiments.progress import expected_seconds

MOST_KEYS = 5000
"""Keys in one query; the limit of SQLite is 32,766."""

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
    """Return the experiments that the viewer may see: those of the whole team, for anybody with an account."""
    return Experiment.objects.all() if viewer.is_authenticated else Experiment.objects.none()


def visible_to_team(pks: Collection[int]) -> set[int]:
    """Return those of ``pks`` that ``visible`` shows to every account."""
    return set(Experiment.objects.filter(pk__in=pks).values_list("pk", flat=True))


def visible_runs(viewer: Viewer) -> QuerySet[Run]:
    return Run.objects.filter(experiments__in=visible(viewer)).distinct()


def shared_runs(experiment: Experiment) -> int:
    """Return the number of its runs that other experiments have as well."""
    return Run.objects.filter(experiments=experiment).filter(parts__experiment__in=_others(experiment)).distinct().count()


def _others(experiment: Experiment) -> QuerySet[Experiment]:
    return Experiment.objects.exclude(pk=experiment.pk)


def at_rest(run_ids: Iterable[int]) -> list[int]:
    """Return the experiments of these runs of which all runs have ended."""
    resting = Experiment.objects.filter(runs__in=list(run_ids), ended_at__isnull=False)
    return list(resting.distinct().values_list("pk", flat=True))


def _count(**conditions: object) -> Coalesce:
    """The number of an experiment's runs that meet the conditions; no join, which would group by its large columns."""
    parts = Part.objects.filter(experiment=OuterRef("pk"), **conditions).order_by().values("experiment")
    return Coalesce(Subquery(parts.annotate(number=Count("run", distinct=True)).values("number")), 0)


IMPORTED = Exists(Part.objects.filter(experiment=OuterRef("pk")).exclude(run__claimed_key=""))
"""True for an experiment with runs that were trained elsewhere."""


def listed(viewer: Viewer) -> QuerySet[Experiment]:
    """Return the experiments, newest first, each with the number of its runs by status, in one query."""
    counts = {f"runs_{status.value}": _count(run__status=status) for status in Status}
    begun = _count(run__started_at__gte=OuterRef("launched_at"))
    return visible(viewer).select_related("owner").annotate(imported=IMPORTED, runs_begun=begun, **counts).order_by("-pk")


LONGEST_NAME = 120
_copied = re.compile(r", copy(?: \d+)?$")


def copy_name(owner: User, name: str) -> str:
    """Return the first name of a clone that no experiment of ``owner`` has yet, such as: Two methods, copy 2."""
    base = _copied.sub("", name)
    taken = set(Experiment.objects.filter(owner=owner, name__contains=", copy").values_list("name", flat=True))
    endings = (f", copy{f' {number}' if number > 1 else ''}" for number in count(1))
    return next(copy for end in endings if (copy := base[: LONGEST_NAME - len(end)] + end) not in taken)


def is_named(experiment: Experiment, text: str) -> bool:
    """Return whether a search for ``text`` matches the experiment: a part of its name, or its number after a #."""
    return text.lower() in experiment.name.lower() or text == f"#{experiment.pk}"


def state(experiment: Experiment) -> str:
    """Return a key of STATES, derived from the runs, with the counts of ``listed`` where these are present."""
    if experiment.launched_at is None:
        return "draft"
    counts = run_counts(experiment)
    if experiment.transition == Transition.STOPPING:
        return "stopping"
    if counts[Status.RUNNING] or counts[Status.STOPPING]:
        return "stopping" if experiment.stopped_at else "running"
    if counts[Status.WAITING] or counts[Status.QUEUED]:
        begun = (
            experiment.runs_begun
            if hasattr(experiment, "runs_begun")
            else experiment.runs.filter(started_at__gte=experiment.launched_at).exists()
        )
        if experiment.stopped_at:
            return "stopping" if experiment.evaluates else "stopped"
        return "running" if begun else "waiting"
    if experiment.transition == Transition.LAUNCHING:
        return "waiting"
    # At rest is only what has its result. Both are read off the one row, as the counts may be newer than it.
    if experiment.ended_at is None or experiment.result_due:
        return "running"
    if counts[Status.FAILED]:
        return "failed"
    return "stopped" if counts[Status.STOPPED] or experiment.evaluates else "finished"


def run_counts(experiment: Experiment) -> dict[str, int]:
    if hasattr(experiment, "runs_begun"):
        return {status: getattr(experiment, f"runs_{status.value}") for status in Status}
    counts = dict(experiment.runs.order_by().values_list("status").annotate(Count("pk", distinct=True)))
    return {status: counts.get(status, 0) for status in Status}


def parts(experiment: Experiment) -> QuerySet[Part]:
    return experiment.parts.select_related("run").order_by("position", "role")


def cut(experiment: Experiment) -> list[Part]:
    """Return the parts that were stopped and evaluated at their last checkpoint."""
    return list(parts(experiment).filter(run__spec__stop_at__isnull=False).exclude(run__spec__stop_at=None))


def runs_of(experiment: Experiment) -> QuerySet[Run]:
    """Return each run of the experiment once."""
    return Run.objects.filter(pk__in=Part.objects.filter(experiment=experiment).values("run"))


def failures(experiment: Experiment) -> QuerySet[Run]:
    """Return the runs that failed by themselves, not because a run that they need had failed."""
    cause = Run.needs.through.objects.filter(from_run=OuterRef("pk"), to_run__status=Status.FAILED)
    return runs_of(experiment).filter(~Exists(cause), status=Status.FAILED).order_by("pk")


def events_after(run_id: int, seq: int, limit: int = 1000) -> list[dict[str, Any]]:
    """Return the events of the run after ``seq``, oldest first: {"seq", "attempt", "at", **event}."""
    rows = Event.objects.filter(run_id=run_id, seq__gt=seq).order_by("seq")[:limit]
    return [{"seq": row.seq, "attempt": row.attempt, "at": row.at.isoformat(), **_payload(row)} for row in rows]


def _payload(row: Event) -> dict[str, Any]:
    """The payload; for a damaged event one that lets readers go on to the next."""
    payload: object = row.payload
    return payload if isinstance(payload, dict) and isinstance(payload.get("kind"), str) else {"kind": "damaged-record"}


def newest(run_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return the last metric and evaluation of each run, or None: {run id: {"metric", "evaluation"}}."""

    def last(kind: str) -> Subquery:
        return Subquery(Event.objects.filter(run=OuterRef("pk"), payload__kind=kind).order_by("-seq").values("payload")[:1])

    rows = Run.objects.filter(pk__in=list(run_ids)).values_list("pk", last("metric"), last("evaluation"))
    return {pk: {"metric": metric, "evaluation": evaluation} for pk, metric, evaluation in rows}


def timeline(runs: Iterable[Run] | QuerySet[Run], kinds: Iterable[str] = ()) -> QuerySet[Event]:
    """Return the events of the runs, oldest first, without measurements and progress; only those of ``kinds`` where given."""
    chosen = runs if isinstance(runs, QuerySet) else list(runs)
    events = Event.objects.filter(run__in=chosen).select_related("run").order_by("at", "pk")
    if kinds:
        return events.filter(payload__kind__in=list(kinds))
    return events.exclude(payload__kind__in=["metric", "evaluation", "system", "progress"])


def twin(owner: User, spec: ExperimentSpec) -> Experiment | None:
    """Return a launched experiment of the same owner with the same spec that has neither failed nor been stopped."""
    same = Experiment.objects.filter(owner=owner, spec=spec.model_dump(mode="json"), launched_at__isnull=False)
    return next((experiment for experiment in same if state(experiment) not in ("stopped", "failed")), None)


@dataclass(frozen=True)
class Preview:
    """The effect of a launch: its runs, those that are done or at work already, and the expected seconds of the rest."""

    plan: Plan
    done: frozenset[str]
    at_work: frozenset[str]
    seconds: float
    warnings: list[Problem]

    @property
    def requested(self) -> int:
        """The number of runs if no run was shared."""
        return self.plan.requested

    @property
    def unique(self) -> int:
        return len(self.plan.runs)

    @property
    def to_run(self) -> int:
        return self.unique - len(self.done)


def preview(spec: ExperimentSpec) -> Preview:
    """Return the effect of launching ``spec`` now. Raises training.planning.plan.TooManyRuns."""
    plan, store = with_accepted(make_plan(spec)), Store(settings.ARTIFACTS_DIR)
    known: dict[str, str] = {}
    keys = iter(plan.runs)
    while chunk := list(islice(keys, MOST_KEYS)):
        known |= dict(Run.objects.filter(key__in=chunk).values_list("key", "status"))
    done = frozenset(key for key, status in known.items() if status == Status.FINISHED and store.finished(key))
    at_work = frozenset(key for key, status in known.items() if status in ACTIVE)
    seconds = sum(seconds for key, seconds in expected_seconds(plan, done).items() if key not in done)
    return Preview(plan, done, at_work, seconds, warnings(spec))
