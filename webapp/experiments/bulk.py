"""Writes to many runs at once, in a transaction of the caller: they are created, locked, and changed by events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from training import RunSpec
from training.events import Event as RunEvent
from webapp.experiments.changes import run_changed, state_of_run
from webapp.experiments.fold import fold
from webapp.experiments.models import LEASED, Event, Run
from webapp.experiments.run_groups import alike

Needs = Run.needs.through

FOLDED = (
    *("status", "worker", "device", "phase", "phase_done", "phase_total", "step", "total_steps", "accuracy", "error", "log"),
    *("seconds", "losses", "stop_asked_at", "queued_at", "started_at", "ended_at", "lease_until", "compacted"),
)
"""Columns that events change."""


def create_runs(specs: Mapping[str, RunSpec]) -> None:
    """Create the runs that do not exist yet, by key, and link all of them to the runs that they need.

    An existing run is set to keep its weights where a spec asks for them, since keys do not depend on that.
    """
    existing = set(Run.objects.filter(key__in=specs).values_list("key", flat=True))
    new = {key: run for key, run in specs.items() if key not in existing}
    Run.objects.bulk_create(
        [Run(key=key, spec=run.model_dump(mode="json"), alike=alike(run)) for key, run in new.items()], ignore_conflicts=True
    )
    named = {*specs, *(need for run in specs.values() for need in run.needs)}
    ids = dict(Run.objects.filter(key__in=named).values_list("key", "pk"))
    links = [Needs(from_run_id=ids[key], to_run_id=ids[need]) for key, run in specs.items() for need in dict.fromkeys(run.needs)]
    Needs.objects.bulk_create(links, ignore_conflicts=True)
    keeping = [key for key in existing if specs[key].keep_weights]
    changed = list(Run.objects.filter(key__in=keeping, spec__keep_weights=False).only("key"))
    for run in changed:
        run.spec = specs[run.key].model_dump(mode="json")
    Run.objects.bulk_update(changed, ["spec"])


def lock(runs: QuerySet[Run]) -> list[Run]:
    """Lock the runs until the transaction ends and return them by id; without their specs, which events do not change."""
    rows: list[Run] = []
    for run in runs.order_by("pk").select_for_update().annotate(now=Now()).defer("spec"):
        run.clock = run.now
        rows.append(run)
    return rows


def lock_run(run_id: int) -> Run:
    """Lock one run. Raises Run.DoesNotExist."""
    for run in lock(Run.objects.filter(pk=run_id)):
        return run
    raise Run.DoesNotExist(f"run {run_id}")


def append(events_of: Iterable[tuple[Run, Sequence[RunEvent]]]) -> None:
    """Insert and fold events of locked runs, within ``changing``. Runs with equal changes are written by one statement."""
    rows: list[Event] = []
    changed: defaultdict[tuple[int, tuple[tuple[str, object], ...]], list[int]] = defaultdict(list)
    for run, events in events_of:
        before, known = {name: getattr(run, name) for name in FOLDED}, state_of_run(run)
        for event in events:
            run.last_seq += 1
            payload = event.model_dump(mode="json")
            rows.append(Event(run_id=run.pk, seq=run.last_seq, attempt=run.attempt, payload=payload, at=run.clock))
            fold(run, event, run.clock)
        if run.status not in LEASED:
            run.lease_until = None
        run_changed(run, known)
        changes = tuple((name, getattr(run, name)) for name in FOLDED if getattr(run, name) != before[name])
        changed[len(events), changes].append(run.pk)
    Event.objects.bulk_create(rows)
    for (number, changes), ids in changed.items():
        Run.objects.filter(pk__in=ids).update(last_seq=F("last_seq") + number, **dict(changes))
