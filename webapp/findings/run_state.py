"""The state of a run, in words and in percent."""

from django.template.defaultfilters import filesizeformat

from training.events import DOWNLOADING, WAITING_FOR_HUB
from webapp.charts.numbers import rate
from webapp.experiments.models import Run, Status

ANSWERS = "answers"
"""The phase in which a run writes its answers, after its training or instead of one."""


def prepares(run: Run) -> bool:
    return run.status == Status.RUNNING and run.phase != "training" and bool(run.phase_total)


def percent_of(run: Run) -> float:
    """Return the progress of the training, or of the phase before it while that is running."""
    return round(100 * (run.phase_done / run.phase_total if prepares(run) else run.fraction), 1)


def run_words(run: Run) -> str:
    """finished with accuracy .718, step 880 of 1,000, waiting for the run that labels for it"""
    match run.status:
        case Status.FINISHED:
            return "finished" + (f" with accuracy {rate(run.accuracy)}" if run.accuracy is not None else "")
        case Status.WAITING:
            return "waiting for the run that labels for it"
        case Status.QUEUED:
            return "queued" + (f", goes on from step {run.step:,}" if run.step else "")
        case Status.RUNNING | Status.STOPPING:
            return ("stopping at " if run.status == Status.STOPPING else "") + phase_words(run)
        case Status.STOPPED:
            return f"stopped after step {run.step:,}" if run.step else "stopped"
    return "failed"


def short_phase(run: Run) -> str:
    """620 / 1,000 while training, features 34% before."""
    if run.status == Status.STOPPING:
        return "stopping"
    if run.phase == "training":
        return f"{run.step:,} / {run.total_steps:,}"
    share = f"{100 * run.phase_done // run.phase_total}%" if run.phase_total else ""
    phase = DOWNLOADING if run.phase.startswith(DOWNLOADING) else run.phase
    return f"{phase or 'starting'} {share}".strip()


def phase_words(run: Run) -> str:
    if run.phase == "training":
        return f"step {run.step:,} of {run.total_steps:,}"
    if run.phase_total and run.phase.startswith(DOWNLOADING):
        return f"{run.phase}, {filesizeformat(run.phase_done)} of {filesizeformat(run.phase_total)}"
    if run.phase_total and run.phase == WAITING_FOR_HUB:
        return f"{run.phase}, {run.phase_done:,} of {run.phase_total:,} seconds"
    if run.phase_total:
        phase = "writing answers" if run.phase == ANSWERS else run.phase
        return f"{phase}, {run.phase_done:,} of {run.phase_total:,}"
    return run.phase or "starting"
