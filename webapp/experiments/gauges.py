"""The state of the laboratory in numbers, read by a fixed number of queries over indexes.

None of them reads what has ended: their cost follows what waits and runs now.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import Now

from webapp.experiments import workers
from webapp.experiments.listing_models import State
from webapp.experiments.models import ACTIVE, LEASED, Event, Experiment, Pause, Run, Status, Worker

RECENT = timedelta(hours=1)
AT_WORK = (State.WAITING, State.RUNNING, State.STOPPING)
ENDED = (Status.FINISHED, Status.FAILED, Status.STOPPED)


@dataclass
class Numbers:
    runs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, ACTIVE), 0))
    """Runs that have not ended, by status."""
    oldest_queued_seconds: float = 0.0
    leases: int = 0
    expired_leases: int = 0
    runs_created: int = 0
    """The largest number of a run."""
    events: int = 0
    """The largest number of an event: it grows by one with each."""
    experiments: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, AT_WORK), 0))
    ended_runs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, ENDED), 0))
    """Runs, by status, of the experiments that ended in the last hour."""
    paused: bool = False
    workers: list[tuple[Worker, bool]] = field(default_factory=list)
    """Each worker with whether it is online."""


def read() -> Numbers:
    """Return the numbers of now, by the database's clock."""
    numbers = Numbers()
    active = Run.objects.filter(status__in=ACTIVE).values("status").order_by()
    expired = Count("pk", filter=Q(lease_until__lt=Now()))
    for row in active.annotate(number=Count("pk"), oldest=Min("queued_at"), expired=expired, now=Max(Now())):
        numbers.runs[row["status"]] = row["number"]
        if row["status"] in LEASED:
            numbers.leases += row["number"]
            numbers.expired_leases += row["expired"]
        elif row["status"] == Status.QUEUED and row["oldest"]:
            numbers.oldest_queued_seconds = max(0.0, (row["now"] - row["oldest"]).total_seconds())
    numbers.runs_created = Run.objects.aggregate(last=Max("pk"))["last"] or 0
    numbers.events = Event.objects.aggregate(last=Max("pk"))["last"] or 0
    at_work = Experiment.objects.filter(state__in=AT_WORK).values_list("state").order_by()
    numbers.experiments |= dict(at_work.annotate(number=Count("pk")))
    recent = Experiment.objects.filter(archived_at=None, ended_at__gt=Now() - RECENT).order_by()
    sums = recent.aggregate(**{str(status): Sum(f"runs_{status}", default=0) for status in ENDED})
    numbers.ended_runs |= sums
    numbers.paused = Pause.objects.exists()
    known = {worker.pk for worker in workers.online()}
    numbers.workers = [(worker, worker.pk in known) for worker in Worker.objects.all()]
    return numbers
