"""The spans of runs, for traces: one for each attempt, from its claim to its end, with the phases as its events."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training import Event
from training.events import Progress, RunStarted
from webapp import tracing
from webapp.database_outages import AWAY, reconnect
from webapp.experiments.models import Part, Run

if TYPE_CHECKING:
    from opentelemetry.trace import Span

LOST = "lost"


class RunSpans:
    """The spans of runs that were claimed together; empty without a collector.

    As a context it ends those that are left when the runs are followed no more.
    """

    def __init__(self, runs: Sequence[Run], since: float, with_roles: bool) -> None:
        """``since`` is in monotonic seconds. The roles ``with_roles`` are in the database, which not every worker has."""
        self._spans: dict[int, Span] = {}
        self._phases: dict[int, str] = {}
        roles: dict[int, list[str]] = {}
        for run in runs:
            numbers = {"w2s.run.id": run.pk, "w2s.run.attempt": run.attempt}
            if span := tracing.begin("run", since, {**numbers, "w2s.run.model": run.run_spec.model, "w2s.worker": run.worker}):
                self._spans[run.pk] = span
        if self._spans and with_roles:
            roles = _roles(list(self._spans))
        for pk, names in roles.items():
            self._spans[pk].set_attribute("w2s.run.role", names)

    def __enter__(self) -> "RunSpans":
        return self

    def __exit__(self, *_: object) -> None:
        for pk in list(self._spans):
            self.end(pk, LOST)

    def add(self, pk: int, event: Event) -> None:
        """Add the start of the trainer, and the beginning of a phase."""
        if not (span := self._spans.get(pk)):
            return
        if isinstance(event, RunStarted):
            span.set_attributes({"w2s.run.device": event.device, "w2s.run.resumed_from": event.resumed_from})
            span.add_event(event.kind)
        elif isinstance(event, Progress) and (phase := event.phase) != self._phases.get(pk):
            self._phases[pk] = phase
            span.add_event(phase)

    def end(self, pk: int, state: str) -> None:
        """End the span of an attempt that ended as ``state``: "finished", "failed", "stopped", "released" or "lost"."""
        if span := self._spans.pop(pk, None):
            span.set_attribute("w2s.run.state", state)
            tracing.end(span, failed=state in ("failed", LOST))


def _roles(pks: Sequence[int]) -> dict[int, list[str]]:
    """Return the roles of runs in their experiments; none while the database is away."""
    roles: dict[int, list[str]] = defaultdict(list)
    try:
        for pk, role in Part.objects.filter(run__in=pks).values_list("run", "role").order_by("role").distinct():
            roles[pk].append(role)
    except AWAY:
        reconnect()
    return roles
