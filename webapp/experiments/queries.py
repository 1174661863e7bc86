"""Reads of experiments and runs, for every interface."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from training import ExperimentSpec, Plan, make_plan
from training.spec import Problem, warnings
from webapp.artifact_store import artifact_store
from webapp.experiments import stored_events
from webapp.experiments.imported_runs import with_accepted
from webapp.experiments.listing_models import State
from webapp.experiments.models import ACTIVE, Event, Experiment, Part, Run, Status
from webapp.experiments.progress import expected_seconds

MOST_KEYS = 5000
"""Keys in one query; the limit of SQLite is 32,766."""

Viewer = User | AnonymousUser


def visible(viewer: Viewer) -> QuerySet[Experiment]:
    """Return the experiments that the viewer may see: those of the whole team, for anybody with an account."""
    return Experiment.objects.all() if viewer.is_authenticated else Experiment.objects.none()


def visible_to_team(pks: Collection[int]) -> set[int]:
    """Return those of ``pks`` that ``visible`` shows to every account."""
    return set(Experiment.objects.filter(pk__in=pks).values_list("pk", flat=True))


def runs_visible_to_team(pks: Collection[int]) -> set[int]:
    """Return those of the runs ``pks`` that belong to an experiment, which ``visible`` shows to every account."""
    chosen, known = sorted(pks), set[int]()
    for start in range(0, len(chosen), MOST_KEYS):
        belonging = Run.objects.filter(Exists(Part.objects.filter(run=OuterRef("pk"))), pk__in=chosen[start : start + MOST_KEYS])
        known |= set(belonging.values_list("pk", flat=True))
    return known


def visible_runs(viewer: Viewer) -> QuerySet[Run]:
    return Run.objects.filter(Exists(visible(viewer).filter(parts__run=OuterRef("pk"))))


def visible_parts(viewer: Viewer) -> QuerySet[Part]:
    """Return the parts of the experiments that the viewer may see; whoever filters by runs reads only those of the runs."""
    return Part.objects.filter(Exists(visible(viewer).filter(pk=OuterRef("experiment"))))


def runs_with_role(viewer: Viewer, pks: Collection[int]) -> QuerySet[Run]:
    """Return those of the runs ``pks`` that the viewer may see, with the ``role`` and the number of their first experiment.

    The costs follow from the number of ``pks``, however many experiments share a run.
    """
    parts = Part.objects.filter(run=OuterRef("pk")).order_by("pk")
    first = {"role": Subquery(parts.values("role")[:1]), "experiment_number": Subquery(parts.values("experiment")[:1])}
    return Run.objects.filter(Exists(visible(viewer).filter(parts__run=OuterRef("pk"))), pk__in=pks).annotate(**first)


def shared_runs(experiment: Experiment) -> int:
    """Return the number of its runs that other experiments have as well."""
    return Run.objects.filter(experiments=experiment).filter(parts__experiment__in=_others(experiment)).distinct().count()


def _others(experiment: Experiment) -> QuerySet[Experiment]:
    return Experiment.objects.exclude(pk=experiment.pk)


def at_rest(run_ids: Iterable[int]) -> list[int]:
    """Return the experiments of these runs of which all runs have ended."""
    resting = Experiment.objects.filter(runs__in=list(run_ids), ended_at__isnull=False)
    return list(resting.distinct().values_list("pk", flat=True))


IMPORTED = Exists(Part.objects.filter(experiment=OuterRef("pk")).exclude(run__claimed_key=""))
"""True for an experiment with runs that were trained elsewhere."""


LONGEST_NAME = 120
_copied = re.compile(r", copy(?: \d+)?$")


def copy_name(owner: User, name: str) -> str:
    """Return the first name of a clone that no experiment of ``owner`` has yet, such as: Two methods, copy 2."""
    base = _copied.sub("", name)
    taken = set(Experiment.objects.filter(owner=owner, name__contains=", copy").values_list("name", flat=True))
    endings = (f", copy{f' {number}' if number > 1 else ''}" for number in count(1))
    return next(copy for end in endings if (copy := base[: LONGEST_NAME - len(end)] + end) not in taken)


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
    """Return the events of the run after ``seq``, oldest first: {"seq", "attempt", "at", **event}.

    Raises stored_events.UNREADABLE.
    """
    return [as_row(event) for event in stored_events.page(run_id, seq, limit=limit)]


def as_row(event: Event) -> dict[str, Any]:
    """Return an event as {"seq", "attempt", "at", **event}; a damaged one is of a kind that lets readers go on to the next."""
    payload: object = event.payload
    valid = payload if isinstance(payload, dict) and isinstance(payload.get("kind"), str) else {"kind": "damaged-record"}
    return {"seq": event.seq, "attempt": event.attempt, "at": event.at.isoformat(), **valid}


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


MEASURED = ("metric", "evaluation")
"""Kinds of events with a run's measurements."""


def last_events(run_ids: Collection[int]) -> dict[int, int]:
    """Return the number of each run's newest event."""
    return dict(Run.objects.filter(pk__in=run_ids).values_list("pk", "last_seq"))


def starts(run_id: int, after: int, last: int) -> list[tuple[int, datetime, dict[str, Any]]]:
    """Return number, time and payload of the starts of a run among the events after ``after`` up to ``last``."""
    events = Event.objects.filter(run_id=run_id, seq__gt=after, seq__lte=last, payload__kind="started").order_by("seq")
    return list(events.values_list("seq", "at", "payload"))


def measurements(run_id: int, after: int, last: int, *, in_files: bool = True) -> Iterator[tuple[int, datetime, dict[str, Any]]]:
    """Yield number, time and payload of metrics and evaluations among these events, a page at a time.

    Raises stored_events.UNREADABLE, unless ``in_files`` is false: then the events in files are left out.
    """
    read = stored_events.each if in_files else stored_events.page_of_table
    for event in read(run_id, after, last, MEASURED):
        yield event.seq, event.at, event.payload


def twin(owner: User, spec: ExperimentSpec) -> Experiment | None:
    """Return a launched experiment of the same owner with the same spec that has neither failed nor been stopped."""
    same = Experiment.objects.filter(owner=owner, spec=spec.model_dump(mode="json"), launched_at__isnull=False)
    return same.exclude(state__in=(State.STOPPED, State.FAILED)).first()


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
    plan, store = with_accepted(make_plan(spec)), artifact_store()
    known: dict[str, str] = {}
    keys = iter(plan.runs)
    while chunk := list(islice(keys, MOST_KEYS)):
        known |= dict(Run.objects.filter(key__in=chunk).values_list("key", "status"))
    # A shared store is not asked for each of a thousand runs: the launch asks for those that it takes.
    done = frozenset(key for key, status in known.items() if status == Status.FINISHED and (store.shared or store.finished(key)))
    at_work = frozenset(key for key, status in known.items() if status in ACTIVE)
    seconds = sum(seconds for key, seconds in expected_seconds(plan, done).items() if key not in done)
    return Preview(plan, done, at_work, seconds, warnings(spec))
