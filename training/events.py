"""Small typed facts from a run, one shape from the trainer to the screen: the only thing that changes a run's status."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from training.base_models import Reported


class RunWaiting(Reported):
    """The run was asked for again and waits for the runs that label for it."""

    kind: Literal["waiting"] = "waiting"


class RunQueued(Reported):
    """The run waits for a worker; all that it needs is finished."""

    kind: Literal["queued"] = "queued"


class RunClaimed(Reported):
    """A worker holds the run's lease and is starting the trainer."""

    kind: Literal["claimed"] = "claimed"
    worker: str


class RunStarted(Reported):
    """The trainer works. A resumed attempt goes on after ``resumed_from`` steps: later points of older attempts are void."""

    kind: Literal["started"] = "started"
    total_steps: int
    resumed_from: int = 0
    rows: int | None = None
    """Of its half for learning, those that it learns from, where its method leaves some out."""
    rows_of: int | None = None
    device: str
    versions: dict[str, str]


class Progress(Reported):
    """How far a phase other than training is, for example "features": ``done`` of ``total`` rows."""

    kind: Literal["progress"] = "progress"
    phase: str
    done: int
    total: int


class MetricLogged(Reported):
    """Mean training loss (nats per example) since the last one, against the run's own targets.

    ``confidence_weight`` is the weight of the student's own view at this step, ``threshold`` the probability above which its
    guess was 1 in this step's batch; None for methods without them, the threshold also with more than two classes.
    """

    kind: Literal["metric"] = "metric"
    step: int
    loss: float | None
    lr: float
    confidence_weight: float | None = None
    threshold: float | None = None


class EvaluationLogged(Reported):
    """Shares of the test set after ``step`` steps. Agreement is with the run's supervisor, None where it has none.

    Validation is on held-out rows of the run's half against the labels that the run learns from, weak ones for a student: share
    of equal hard labels, and mean cross-entropy (nats per example) to the soft ones. None without validation rows. Of a run that
    learns texts there is the validation loss alone, in nats per token.
    """

    kind: Literal["evaluation"] = "evaluation"
    step: int
    accuracy: float | None = None
    agreement: float | None = None
    agreement_right: float | None = None
    agreement_wrong: float | None = None
    validation_accuracy: float | None = None
    validation_loss: float | None = None


class CheckpointSaved(Reported):
    kind: Literal["checkpoint"] = "checkpoint"
    step: int


class StopRequested(Reported):
    """Somebody asked for the run to stop; ``by`` is the name of the account."""

    kind: Literal["stop"] = "stop"
    by: str


class RunFinished(Reported):
    """The run's predictions are saved: those of ``selected_step``, which the run's stop rule chose; ``accuracy`` is their share.

    It is on the whole test set, the two other accuracies on the examples of it that were watched during training: on ``watched``
    of them, None for all. The hindsight one is the best of all evaluations: no result, since it was chosen by looking at the test
    set. A run that learned texts predicts nothing and has no accuracy.
    """

    kind: Literal["finished"] = "finished"
    accuracy: float | None = None
    seconds: float
    """Spent by this attempt, from its start to its end."""
    selected_step: int
    last_step: int
    last_accuracy: float | None = None
    hindsight_step: int
    hindsight_accuracy: float | None = None
    watched: int | None = None


class ArtifactDamaged(Reported):
    """A ``file`` that the finished run left is not what was written, or is missing: the ``problem`` says which.

    What the run left was moved aside, its result counts no longer, and it is trained again, to the same bytes.
    """

    kind: Literal["damaged"] = "damaged"
    file: str
    problem: str


class RunStopped(Reported):
    """Stopped on request after ``step`` steps, with a checkpoint from which it can go on."""

    kind: Literal["stopped"] = "stopped"
    step: int


class RunFailed(Reported):
    """``error`` is one sentence for a person, ``log`` the last lines of the trainer's output.

    What ``passes`` lies outside the run, such as a full disk: the same run may well succeed another time. ``damaged`` is the key
    of a run that this one reads and a file of which is not what was written, empty of a file that several runs share.
    """

    kind: Literal["failed"] = "failed"
    error: str
    log: str = ""
    passes: bool = False
    damaged: str | None = None


class RunLost(Reported):
    """The attempt broke off: ``cause`` is why, in words; empty where the worker that held the lease gives no sign of life.

    An ``excused`` one is the laboratory's own fault, whose database was away: it is not counted among the attempts.
    """

    kind: Literal["lost"] = "lost"
    worker: str
    cause: str = ""
    excused: bool = False


class RunReleased(Reported):
    """The worker that held the lease gave the run back in order: ``cause`` is why, empty where it shut down."""

    kind: Literal["released"] = "released"
    worker: str
    cause: str = ""


Event = Annotated[
    RunWaiting
    | RunQueued
    | RunClaimed
    | RunStarted
    | Progress
    | MetricLogged
    | EvaluationLogged
    | CheckpointSaved
    | StopRequested
    | RunFinished
    | RunStopped
    | RunFailed
    | RunLost
    | RunReleased
    | ArtifactDamaged,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Parses and validates any event: ``EVENT.validate_json(line)``."""

EVENTS = "events.jsonl"
"""Beside the files of a run, where its events are kept in a file."""


class Told(Reported):
    """A line of that file."""

    seq: int
    attempt: int
    at: datetime
    event: Event


def standing(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a run's events, oldest first and as JSON, the metrics and evaluations that count.

    What an attempt told after the checkpoint from which a later one goes on is void.
    """
    found: list[dict[str, Any]] = []
    for one in told:
        if one["kind"] == "started":
            found = [earlier for earlier in found if earlier["step"] <= one["resumed_from"]]
        elif one["kind"] in ("metric", "evaluation"):
            found.append(one)
    return found
