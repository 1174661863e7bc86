"""The task of a training worker: claim a run, follow its trainer, and record its events."""

import contextlib
import queue
import time

from celery import Task, shared_task
from django.conf import settings

from training import Event
from training.events import RunFailed, RunFinished, RunStopped
from training.storage.checksums import DamagedArtifact
from webapp.actions import artifacts
from webapp.database_outages import AWAY, patiently, reconnect
from webapp.experiments import results, run_logs, services
from webapp.experiments.models import Run, Status
from webapp.jobs.leased_work import POLL_SECONDS, RunLease, concluded
from webapp.jobs.recorder import Recorder
from webapp.jobs.shutdown import shutting_down
from webapp.jobs.trainer import Trainer
from webapp.notifications import notify, prepare_examples


@shared_task(bind=True)
def train(self: "Task[[], None]") -> None:
    """Train the first queued run that this worker can claim; a surplus call finds nothing to do."""
    if shutting_down.is_set():
        return
    worker, since = str(self.request.hostname), time.monotonic()
    try:
        run = services.claim_next(worker)
    except AWAY:
        reconnect()
        _notify(patiently(lambda: services.give_back_unstarted(worker)))
        return  # the recovery calls again for what is queued
    if run is None:
        return
    _notify({run.pk})
    work(run, since)


def work(run: Run, since: float | None = None) -> None:
    """Follow the trainer of a run that was claimed at ``since``, in monotonic seconds, to its end."""
    lease = RunLease(run, time.monotonic() if since is None else since)

    def lose(error: str) -> None:
        _notify(services.lose(run.pk, run.attempt, f"it could not be followed: {error.rstrip('.')}", ""))

    with concluded(str(run), lose):
        _follow(run, lease, Recorder(run.pk, run.attempt))


def _follow(run: Run, lease: RunLease, recorder: Recorder) -> None:
    """Record the trainer's events, renew the lease and pass on stop requests."""
    trainer = Trainer(run.run_spec, settings.ARTIFACTS_DIR, run_logs.path_of(run.key))
    try:
        with lease.enforced(trainer.stop):
            last = _record(trainer, recorder, lease)
            status, stopping = trainer.end(), trainer.stopping or shutting_down.is_set()
        if last is None and status < 0 and not stopping:
            cause = f"its trainer was killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
            _lose(run, recorder, cause, trainer.log_tail())
        elif isinstance(last, RunFailed) and last.passes and not stopping:
            # It is read again first: one worker's memory may be at fault, and not the file.
            if key := last.damaged:
                patiently(lambda: artifacts.report_damage(DamagedArtifact(key, "", "")))
            _lose(run, recorder, last.error[0].lower() + last.error[1:].rstrip("."), trainer.log_tail())
        else:
            _conclude(run, recorder, last or _end_of(trainer, status), services.DATABASE_AWAY if lease.expired else "")
    finally:
        trainer.kill()


def _record(trainer: Trainer, recorder: Recorder, lease: RunLease) -> Event | None:
    """Record events until the trainer's output ends; return the event that ends the run, None where there was none."""
    last: Event | None = None
    while True:
        if recorder.full:
            time.sleep(POLL_SECONDS)  # the trainer waits, since nothing reads its output
        else:
            try:
                event = trainer.next_message(POLL_SECONDS)
            except queue.Empty:
                pass
            else:
                if event is None:
                    return last
                if isinstance(event, RunFinished | RunFailed | RunStopped):
                    last = event
                else:
                    recorder.add(event)
        if recorder.due:
            recorder.flush()
            run_logs.trim(trainer.log)
            if lease.check() == Status.STOPPING or shutting_down.is_set():
                trainer.stop()


def _conclude(run: Run, recorder: Recorder, last: Event, cause: str) -> None:
    """Store the end of an attempt. A stop that nobody requested gives the run back, for a ``cause``."""
    if isinstance(last, RunStopped) and patiently(lambda: services.renew(run.pk, run.attempt)) != Status.STOPPING:
        recorder.finish(None)
        _notify(patiently(lambda: services.give_back(run.pk, run.attempt, cause)))
        return
    recorder.finish(last)
    with contextlib.suppress(*AWAY):  # the recovery computes what is due
        notify({run.pk} | results.refresh_results([run.pk]))
        prepare_examples(run.pk)


def _lose(run: Run, recorder: Recorder, cause: str, log: str) -> None:
    """Store an end that is not the run's fault, such as a full disk; the run goes on from its last checkpoint."""
    recorder.finish(None)
    _notify(patiently(lambda: services.lose(run.pk, run.attempt, cause, log)))
    with contextlib.suppress(*AWAY):
        notify(results.refresh_results([run.pk]))


def _notify(changed: set[int]) -> None:
    """Notify best effort; pages and recovery read what was not notified."""
    with contextlib.suppress(*AWAY):
        notify(changed)


def _end_of(trainer: Trainer, status: int) -> Event:
    """The end of a trainer that wrote none itself: stopped by force, or broken."""
    if shutting_down.is_set() or trainer.stopping:
        return RunStopped(step=0)
    return RunFailed(error=f"The trainer ended with status {status} without saying why.", log=trainer.log_tail())
