"""A forecast for a run, in words: what happens to it next."""

from django.conf import settings
from django.utils import timezone

from training.events import CONVERTING, DOWNLOADING, EVENT, WAITING_FOR_HUB, CheckpointSaved
from webapp.child_processes import STOP_GRACE_SECONDS
from webapp.experiments import queries, queue, requirements, workers
from webapp.experiments.models import Run, Status, Worker
from webapp.findings.wording import joined


def forecast(run: Run) -> str:
    """Return the forecast; empty for a run that has finished."""
    match run.status:
        case Status.WAITING:
            return _waiting(run)
        case Status.QUEUED:
            return _queued(run)
        case Status.RUNNING:
            return _running(run)
        case Status.STOPPING:
            forced = f"If it has not in {STOP_GRACE_SECONDS:.0f} seconds, all its processes are killed."
            return f"It saves a checkpoint and ends. {forced} Its events are kept."
        case Status.STOPPED:
            return f"Nothing, until an experiment that needs it is launched again: then it {_goes_on(run)}."
        case Status.FAILED:
            return _failed(run)
    return ""


def _waiting(run: Run) -> str:
    needs = run.needs.exclude(status=Status.FINISHED).order_by("pk").values_list("pk", flat=True)
    named = joined([f"run {pk}" for pk in needs])
    return f"It is queued automatically once {named}, whose answers it needs, {'has' if len(needs) == 1 else 'have'} finished."


def _queued(run: Run) -> str:
    order = queue.queued_run_ids()
    before = order.index(run.pk) if run.pk in order else len(order)
    place = PLACES.get(before, f"{before:,} runs come before it in the queue")
    if pause := queue.pause_now():
        place = f"The queue is paused by {pause.by.get_username()}. Once it is resumed: {place[0].lower()}{place[1:]}"
    spec = run.run_spec
    unfit = requirements.of_all(spec, workers.online()) if Worker.objects.exists() else ""
    if hindered := requirements.of_disk(spec, requirements.free_bytes()) or unfit:
        place = f"{hindered} Until that changes it waits. {place}"
    if not run.attempt:
        return f"{place}." if hindered else f"{place}. A worker that is free starts it."
    again = f"{place}. Attempt {run.attempt + 1} {_goes_on(run)}."
    left = settings.MAX_ATTEMPTS - run.losses
    if not run.losses:
        return again
    return f"{again} If {'this attempt breaks off too' if left == 1 else f'{left} more attempts break off'}, it is given up."


PLACES = {0: "It is next in the queue", 1: "One run comes before it in the queue"}


def _running(run: Run) -> str:
    silent = (timezone.now() - run.lease_until).total_seconds() if run.lease_until else 0
    if silent > 0:
        return "Its worker gives no sign of life: within seconds the run is queued again for another worker."
    if run.phase == "starting":
        return "Its trainer is starting."
    if run.phase.startswith((DOWNLOADING, WAITING_FOR_HUB)):
        return "It trains once its model is on this worker. A stop keeps what has been downloaded for the next attempt."
    if run.phase == CONVERTING:
        return "It trains once its model has been converted, which is done once for all runs."
    return "It trains until its last step. If its worker or its trainer dies, it goes on from the last checkpoint."


def _failed(run: Run) -> str:
    failed = run.needs.filter(status=Status.FAILED).order_by("pk").values_list("pk", flat=True)
    if failed:
        named = joined([f"run {pk}" for pk in failed])
        return f"Nothing by itself. Launching an experiment again that needs it tries {named} again first, and then this one."
    return (
        "Nothing by itself, since the same failure is likely. Once its cause is fixed, “Launch again” on an experiment "
        f"that needs it tries it again; it then {_goes_on(run)}."
    )


def _goes_on(run: Run) -> str:
    last = queries.timeline([run], ["checkpoint"]).last()
    saved = EVENT.validate_python(last.payload) if last else None
    return f"goes on from step {saved.step:,}" if isinstance(saved, CheckpointSaved) and saved.step else "starts again"
