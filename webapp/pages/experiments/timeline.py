"""The timeline of a run: its events as sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from training.events import (
    EVENT,
    ArtifactDamaged,
    CheckpointSaved,
    RunClaimed,
    RunFailed,
    RunFinished,
    RunLost,
    RunQueued,
    RunReleased,
    RunStarted,
    RunStopped,
    RunWaiting,
    StopRequested,
)
from training.events import Event as RunEvent
from webapp.charts.numbers import rate
from webapp.experiments.models import Event, Run
from webapp.findings.wording import duration


@dataclass(frozen=True)
class Line:
    at: datetime
    attempt: int
    text: str
    bad: bool


def lines_of(events: Iterable[Event]) -> list[Line]:
    """Return one line for each event, and only the last of consecutive checkpoints."""
    lines: list[Line] = []
    saved = False
    for event in events:
        run_event = _validated(event)
        if run_event is None:
            lines.append(Line(event.at, event.attempt, "an event that cannot be read: its record is damaged", True))
            saved = False
            continue
        checkpoint = isinstance(run_event, CheckpointSaved)
        if checkpoint and saved:
            lines.pop()
        lines.append(
            Line(event.at, event.attempt, sentence(run_event), isinstance(run_event, RunFailed | RunLost | ArtifactDamaged))
        )
        saved = checkpoint
    return lines


def _validated(event: Event) -> RunEvent | None:
    """Return the event, or None if its record is damaged."""
    try:
        return EVENT.validate_python(event.payload)
    except ValidationError:
        return None


def sentence(event: RunEvent) -> str:
    match event:
        case RunWaiting():
            return "requested again; waits for the run that makes its labels"
        case RunQueued():
            return "queued"
        case RunClaimed():
            return f"taken by {event.worker}"
        case RunStarted():
            where = (
                f"goes on from step {event.resumed_from:,} of {event.total_steps:,}"
                if event.resumed_from
                else (f"training starts, {event.total_steps:,} steps")
            )
            chosen = f" from {event.rows:,} of {event.rows_of:,} rows" if event.rows is not None and event.rows_of else ""
            return f"{where}{chosen}, on {event.device}"
        case CheckpointSaved():
            return f"checkpoint at step {event.step:,}"
        case StopRequested():
            return f"requested to stop by {event.by}"
        case RunFinished():
            return f"finished after {duration(event.seconds)}{stop_text(event)}"
        case RunStopped():
            return f"stopped after step {event.step:,}" if event.step else "stopped before it had started"
        case RunFailed():
            return f"failed: {event.error}"
        case RunLost():
            return f"lost: {event.cause or f'worker {event.worker} gave no sign of life'}"
        case RunReleased():
            return (
                f"given back by worker {event.worker}: {event.cause}"
                if event.cause
                else f"given back: worker {event.worker} shut down"
            )
        case ArtifactDamaged():
            return f"{event.file} {event.problem}; what the run left was moved aside, and it is trained again"
    return event.kind


def stop_text(event: RunFinished) -> str:
    """Return the selected step with its accuracy, and those of the other two rules; empty if the run has none."""
    if event.accuracy is None or event.last_accuracy is None or event.hindsight_accuracy is None:
        return ""
    selected = f", accuracy {rate(event.accuracy)} at step {event.selected_step:,}"
    last = f"; {rate(event.last_accuracy)} at the last step" if event.selected_step != event.last_step else ", the last one"
    watched = f", on {event.watched:,} watched test examples" if event.watched else ""
    return f"{selected}{last}; with hindsight {rate(event.hindsight_accuracy)} at step {event.hindsight_step:,}{watched}"


@dataclass(frozen=True)
class Restart:
    """The reason for a further attempt of a run, in words."""

    run: Run
    text: str


def restarts(events: Iterable[Event]) -> list[Restart]:
    """Return the reasons. ``events`` are those of kind lost, released and damaged."""
    reasons = []
    for event in events:
        run_event = _validated(event)
        if isinstance(run_event, ArtifactDamaged):
            then = "What the run left was moved aside, and it is trained again, to the same bytes."
            reasons.append(Restart(event.run, f"The file {run_event.file} {run_event.problem}. {then}"))
            continue
        if not isinstance(run_event, RunLost | RunReleased):
            continue
        why = (
            f"Worker {run_event.worker} {f'gave it back because {run_event.cause}' if run_event.cause else 'shut down in order'}"
        )
        if isinstance(run_event, RunLost):
            why = (
                f"On worker {run_event.worker} {run_event.cause}"
                if run_event.cause
                else f"Worker {run_event.worker} gave no sign of life"
            )
        then = "The run went back to the queue and goes on from its last checkpoint."
        reasons.append(Restart(event.run, f"{why} during attempt {event.attempt}. {then}"))
    return reasons
