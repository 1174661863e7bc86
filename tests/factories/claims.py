"""Claims and events of single runs, as a worker has them that trains one run at a time."""

from collections.abc import Sequence

from training.events import Event
from webapp.experiments import services
from webapp.experiments.models import Run


def claim(run_id: int, worker: str) -> Run | None:
    """Claim the run; None where it is not queued or the worker is being drained."""
    return next(iter(services.claim_together([run_id], worker)), None)


def claim_next(worker: str) -> Run | None:
    """Claim the first queued run that ``worker`` can take, without others of its group."""
    return next(iter(services.claim_group(worker, most=1)), None)


def append_events(run_id: int, attempt: int, events: Sequence[Event]) -> set[int]:
    """Store events from the trainer of ``attempt``; none are stored, and none is returned, where it no longer holds the lease."""
    return services.append_together({run_id: attempt}, {run_id: events})
