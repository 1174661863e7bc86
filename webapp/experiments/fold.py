"""The fold of events into a run's state, the only code that changes a status, and the state of an experiment that follows."""

from datetime import datetime

from training.events import (
    STARTING,
    ArtifactDamaged,
    EvaluationLogged,
    Event,
    MetricLogged,
    Progress,
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
from webapp.experiments.listing_models import State
from webapp.experiments.models import Experiment, Run, Status, Transition


def fold(run: Run, event: Event, at: datetime) -> None:
    """Change ``run`` in memory by one event that happened at the time ``at``."""
    match event:
        case RunWaiting():
            _begin(run, Status.WAITING)
        case RunQueued():
            run.queued_at = at
            _begin(run, Status.QUEUED)
        case RunClaimed():
            run.status, run.worker, run.started_at = Status.RUNNING, event.worker, at
            run.phase, run.phase_done, run.phase_total = STARTING, 0, 0
        case RunStarted():
            run.device, run.phase = event.device, "training"
            run.step, run.total_steps = event.resumed_from, event.total_steps
        case Progress():
            run.phase, run.phase_done, run.phase_total = event.phase, event.done, event.total
        case MetricLogged():
            run.phase, run.step = "training", event.step
        case EvaluationLogged():
            run.phase, run.step, run.accuracy = "training", event.step, event.accuracy
        case StopRequested():
            run.status, run.stop_asked_at = Status.STOPPING, at
        case RunFinished():
            run.accuracy, run.seconds, run.step = event.accuracy, event.seconds, run.total_steps
            _end(run, Status.FINISHED, at)
        case RunStopped():
            _end(run, Status.STOPPED, at)
        case RunFailed():
            run.error, run.log = event.error, event.log
            _end(run, Status.FAILED, at)
        case RunLost():
            run.losses += not event.excused
        case RunReleased():
            run.phase = ""
        case ArtifactDamaged():
            run.step, run.accuracy, run.seconds = 0, None, None
            _begin(run, Status.WAITING)


def _begin(run: Run, status: Status) -> None:
    run.status, run.ended_at, run.phase, run.compacted = status, None, "", False
    run.error = run.log = run.worker = ""


def _end(run: Run, status: Status, at: datetime) -> None:
    run.status, run.ended_at, run.phase, run.losses = status, at, "", 0


def state_of(experiment: Experiment) -> State:
    """Return the state that follows from the columns of the experiment's row, among them the numbers of its runs."""
    launched, stopped = experiment.launched_at, experiment.stopped_at is not None
    if launched is None:
        return State.DRAFT
    if experiment.transition == Transition.STOPPING:
        return State.STOPPING
    if experiment.runs_running or experiment.runs_stopping:
        return State.STOPPING if stopped else State.RUNNING
    if experiment.runs_waiting or experiment.runs_queued:
        if stopped:
            return State.STOPPING if experiment.evaluates else State.STOPPED
        begun = experiment.run_started_at is not None and experiment.run_started_at >= launched
        return State.RUNNING if begun else State.WAITING
    if experiment.transition == Transition.LAUNCHING:
        return State.WAITING
    return _state_at_rest(experiment)


def _state_at_rest(experiment: Experiment) -> State:
    if experiment.ended_at is None or experiment.result_due:
        return State.RUNNING  # until it has its result
    if experiment.runs_failed:
        return State.FAILED
    return State.STOPPED if experiment.runs_stopped or experiment.evaluates else State.FINISHED
