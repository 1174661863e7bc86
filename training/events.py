"""The events of a run, one type from the trainer to the page; nothing else changes a run's status."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from training.base_models import Count, Reported


class RunWaiting(Reported):
    """The run was requested again and waits for the runs that it needs."""

    kind: Literal["waiting"] = "waiting"


class RunQueued(Reported):
    """The run waits for a worker; all runs that it needs are finished."""

    kind: Literal["queued"] = "queued"


class RunClaimed(Reported):
    """A worker holds the run's lease and is starting the trainer, of as many runs as were claimed ``together``."""

    kind: Literal["claimed"] = "claimed"
    worker: str
    together: Count = 1


class RunStarted(Reported):
    """The trainer has started. A resumed attempt continues after ``resumed_from`` steps: later points of older ones are void."""

    kind: Literal["started"] = "started"
    total_steps: Count
    resumed_from: Count = 0
    rows: Count | None = None
    """Rows that the run learns from, where its method leaves some out of the ``rows_of`` training rows of its half."""
    rows_of: Count | None = None
    device: str
    threads: Count | None = None
    """Threads of each process: the last digits of sums on a CPU depend on them. None in events of earlier versions."""
    versions: dict[str, str]


STARTING, DOWNLOADING, WAITING_FOR_HUB, CONVERTING = "starting", "downloading", "waiting for the Hub", "converting"
"""Phases before the training: the trainer's start; a download from the Hub, with the name of the file after the word; the
conversion of an embedded model.
"""


class Progress(Reported):
    """Progress of a phase other than training, before it or after: ``done`` of ``total``.

    The unit is rows for "features" and "answers", bytes of all files for a phase that begins with "downloading", seconds for
    "waiting for the Hub", and tensors for "converting". The phase "starting" has no total: it follows a download or a conversion.
    """

    kind: Literal["progress"] = "progress"
    phase: str
    done: Count
    total: Count


NonFinite = Literal["nan", "inf", "-inf"]
"""A value that is not finite, which JSON cannot hold."""


def nonfinite(value: float) -> NonFinite | None:
    """Return which value that is not finite ``value`` is; None for a finite one."""
    if math.isfinite(value):
        return None
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


class Extremes(Reported):
    """The least and the greatest loss of a single step (nats per example, mean over its batch), each with the first such step."""

    least: float
    least_step: Count
    greatest: float
    greatest_step: Count


class MetricLogged(Reported):
    """Mean training loss (nats per example) since the previous such event, against the run's own targets.

    ``extremes`` are those of the steps in this mean; None where it is of one step, and in events of earlier versions.
    ``confidence_weight`` is the weight of the student's own view at this step, ``threshold`` the probability above which its
    guess was 1 in this step's batch; None for methods without them, the threshold also with more than two classes. ``examples``
    is the number of examples in the batches of all steps so far, None in events of earlier versions, and ``tokens`` that of their
    tokens, padding excluded, None for runs that train on features.

    Where the loss of a step is not finite, ``step`` is the first such step, ``loss`` is None and ``nonfinite`` says which value
    it is. In events of earlier versions it is the mean that is not finite, and ``nonfinite`` may be None. Such an event is the
    last metric of its attempt, which then fails, and has none of the other numbers.
    """

    kind: Literal["metric"] = "metric"
    step: Count
    loss: float | None
    nonfinite: NonFinite | None = None
    lr: float
    confidence_weight: float | None = None
    threshold: float | None = None
    extremes: Extremes | None = None
    examples: Count | None = None
    tokens: Count | None = None


class EvaluationLogged(Reported):
    """Shares of the test set after ``step`` steps. Agreement is with the run's supervisor, None where it has none.

    Validation is on held-out rows of the run's half against the labels that the run learns from, weak ones for a student: share
    of equal hard labels, and mean cross-entropy (nats per example) to the soft ones. None without validation rows. Of a run that
    learns texts there is the validation loss alone, in nats per token.

    Of a run that writes answers the shares are of exact matches on the test rows that it watches; there is no validation
    accuracy. Losses are in nats per token: ``truth_loss`` of the true answers to these rows, ``weak_loss`` of the supervisor's.
    """

    kind: Literal["evaluation"] = "evaluation"
    step: Count
    accuracy: float | None = None
    agreement: float | None = None
    agreement_right: float | None = None
    agreement_wrong: float | None = None
    validation_accuracy: float | None = None
    validation_loss: float | None = None
    truth_loss: float | None = None
    weak_loss: float | None = None


class SystemSampled(Reported):
    """The use of a machine by a run's trainer, sampled by its worker every few seconds, less often the more samples the run has.

    All but ``step``, the last step that was logged, is over the time since the sample before. ``cores`` is the mean number of
    processor cores at work for the trainer with all its processes, ``memory`` the largest sum of their resident sets in bytes, in
    which pages that processes share count for each. ``accelerator`` is the mean share of the time in which the worker's
    accelerators were busy, ``accelerator_memory`` the most bytes in use on them, by whichever program; None without any.
    Examples and tokens a second are those of training steps, from the first to the last logged one; None where fewer than two
    were logged, and tokens also for runs that train on features. ``runs`` were trained by this trainer together: all have the
    same use of the machine.
    """

    kind: Literal["system"] = "system"
    step: Count
    cores: float
    memory: Count
    accelerator: float | None = None
    accelerator_memory: Count | None = None
    examples_per_second: float | None = None
    tokens_per_second: float | None = None
    runs: Count = 1


class CheckpointSaved(Reported):
    kind: Literal["checkpoint"] = "checkpoint"
    step: Count


class StopRequested(Reported):
    """A stop was requested; ``by`` is the name of the account."""

    kind: Literal["stop"] = "stop"
    by: str


class RunFinished(Reported):
    """The run has finished: its predictions are those of ``selected_step``, which its stop rule chose.

    ``accuracy`` is on the whole test set; the other two accuracies are on the ``watched`` test examples that were evaluated
    during training, None for all of them. ``hindsight_accuracy`` is the best of all evaluations: not a result, since it was
    chosen on the test set. A run that learned texts predicts no labels and has no accuracy.
    """

    kind: Literal["finished"] = "finished"
    accuracy: float | None = None
    seconds: Annotated[float, Field(ge=0, le=1e9)]
    """Duration of this attempt, from its start to its end; of runs that were trained together, each one's share of it."""
    selected_step: Count
    last_step: Count
    last_accuracy: float | None = None
    hindsight_step: Count
    hindsight_accuracy: float | None = None
    watched: Count | None = None


class ArtifactDamaged(Reported):
    """A ``file`` of a finished run is not what was written, or is missing: ``problem`` says which.

    The run's files were moved aside, its result no longer counts, and it is trained again, to the same bytes.
    """

    kind: Literal["damaged"] = "damaged"
    file: str
    problem: str


class RunStopped(Reported):
    """The run was stopped on request after ``step`` steps, with a checkpoint from which it can resume."""

    kind: Literal["stopped"] = "stopped"
    step: Count


class RunFailed(Reported):
    """The run has failed: ``error`` is one sentence for the user, ``log`` the last lines of the trainer's output.

    ``passes`` marks a temporary cause outside the run, such as a full disk: the same run may succeed later. ``damaged`` is the
    key of a run whose file, read by this one, is not what was written; it is empty for a file that several runs share.
    """

    kind: Literal["failed"] = "failed"
    error: str
    log: str = ""
    passes: bool = False
    damaged: str | None = None


class RunLost(Reported):
    """The attempt was lost: ``cause`` says why; empty where the worker that held the lease gives no sign of life.

    An ``excused`` loss was caused by an unreachable database or store of the laboratory and does not count as an attempt.
    """

    kind: Literal["lost"] = "lost"
    worker: str
    cause: str = ""
    excused: bool = False


class RunReleased(Reported):
    """The worker that held the lease returned the run: ``cause`` says why; empty where the worker shut down."""

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
    | SystemSampled
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
"""Adapter that parses and validates any event: ``EVENT.validate_json(line)``."""


class RunEvent(Reported):
    """A line of a trainer: an event of the run with this key."""

    run: str
    event: Event


RUN_EVENT = TypeAdapter(RunEvent)

EVENTS = "events.jsonl"
"""File of the event log in a run's folder."""


class EventRecord(Reported):
    """One line of the event log."""

    seq: Count
    attempt: Count
    at: datetime
    event: Event


def valid_measurements(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the valid metrics and evaluations among a run's events, given oldest first and as JSON.

    Events of an attempt after the checkpoint from which a later attempt resumed are void.
    """
    valid: list[dict[str, Any]] = []
    for event in events:
        if event["kind"] == "started":
            valid = [earlier for earlier in valid if earlier["step"] <= event["resumed_from"]]
        elif event["kind"] in ("metric", "evaluation"):
            valid.append(event)
    return valid
