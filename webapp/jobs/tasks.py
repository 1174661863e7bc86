"""What a worker does with a run: claim it, watch over its trainer, record what it tells."""

import contextlib
import logging
import multiprocessing
import queue
import time
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from training import Event
from training.events import RunFailed, RunFinished, RunStopped
from training.storage.checksums import DamagedArtifact
from webapp.database_outages import AWAY, patiently, reconnect
from webapp.experiments import services
from webapp.experiments.models import Run, Status
from webapp.jobs import damaged_artifacts, logs
from webapp.jobs.dispatch import announce, prepare
from webapp.jobs.leases import Lease
from webapp.jobs.recorder import Recorder
from webapp.jobs.trainer import Trainer
from webapp.row_isolation import sentence

logger = logging.getLogger(__name__)

# Set by the worker's main process, seen by the pool process that it forked: the run is given back, not finished first.
shutting_down = multiprocessing.get_context("fork").Event()

POLL_SECONDS = 0.25


@worker_shutting_down.connect
def _give_runs_back(**_: Any) -> None:
    shutting_down.set()


@shared_task(bind=True)
def train(self: "Task[[], None]") -> None:
    """Trains the first queued run of which this worker gets the lease; a message too many finds nothing to do."""
    if shutting_down.is_set():
        return
    worker, asked = str(self.request.hostname), time.monotonic()
    try:
        run = services.claim_next(worker)
    except AWAY:
        reconnect()
        _announce(patiently(lambda: services.give_back_unstarted(worker)))
        return  # what is queued is sent again
    if run is None:
        return
    _announce({run.pk})
    watch(run, asked)


def watch(run: Run, since: float | None = None) -> None:
    """Follows the trainer of a run that was asked for ``since``, in monotonic seconds. However that ends, the record knows."""
    lease, recorder = Lease(run, time.monotonic() if since is None else since), Recorder(run.pk, run.attempt)
    try:
        _follow(run, lease, recorder)
    except services.StaleAttemptError:
        return  # another worker has the run: what this trainer still says is refused
    except Exception as error:
        logger.exception("%s broke off", run)
        reconnect()
        cause = f"it could not be followed: {sentence(error).rstrip('.')}"
        _announce(patiently(lambda: services.lose(run.pk, run.attempt, cause, "")))


def _follow(run: Run, lease: Lease, recorder: Recorder) -> None:
    """Records what the trainer tells, keeps the lease alive and passes on a wish to stop."""
    trainer = Trainer(run.run_spec, settings.ARTIFACTS_DIR, logs.path_of(run.key))
    try:
        with lease.enforced(trainer.stop):
            last = _listen(trainer, recorder, lease)
            status, asked = trainer.end(), trainer.stopping or shutting_down.is_set()
        if last is None and status < 0 and not asked:
            cause = f"its trainer was killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
            _lose(run, recorder, cause, trainer.log_tail())
        elif isinstance(last, RunFailed) and last.passes and not asked:
            # It is read again first: one worker's memory may be at fault, and not the file.
            if key := last.damaged:
                patiently(lambda: damaged_artifacts.found(DamagedArtifact(key, "", "")))
            _lose(run, recorder, last.error[0].lower() + last.error[1:].rstrip("."), trainer.log_tail())
        else:
            _conclude(run, recorder, last or _died(trainer, status), services.DATABASE_AWAY if lease.run_out else "")
    finally:
        trainer.kill()


def _listen(trainer: Trainer, recorder: Recorder, lease: Lease) -> Event | None:
    """The last word of the trainer, once it says nothing more; None where it ended without one."""
    last: Event | None = None
    while True:
        if recorder.full:
            time.sleep(POLL_SECONDS)  # and the trainer waits until it is heard
        else:
            try:
                event = trainer.next_event(POLL_SECONDS)
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
            logs.trim(trainer.log)
            if lease.check() == Status.STOPPING or shutting_down.is_set():
                trainer.stop()


def _conclude(run: Run, recorder: Recorder, last: Event, cause: str) -> None:
    """The end of an attempt: given back when the worker shuts down or had to let go, for a ``cause``, else stored as it ended."""
    if isinstance(last, RunStopped) and patiently(lambda: _status(run)) != Status.STOPPING:
        recorder.finish(None)
        _announce(patiently(lambda: services.give_back(run.pk, run.attempt, cause)))
        return
    recorder.finish(last)
    with contextlib.suppress(*AWAY):  # the recovery computes what is due
        announce({run.pk} | services.refresh_results([run.pk]))
        prepare(run.pk)


def _status(run: Run) -> str:
    """Raises StaleAttemptError where another attempt, or nobody, has the run."""
    status = services.renew(run.pk, run.attempt)
    if status is None:
        raise services.StaleAttemptError(f"{run} lost its lease")
    return status


def _lose(run: Run, recorder: Recorder, cause: str, log: str) -> None:
    """Something outside ended the trainer, or filled the disk: no fault of the run's, which goes on from its last checkpoint."""
    recorder.finish(None)
    _announce(patiently(lambda: services.lose(run.pk, run.attempt, cause, log)))
    with contextlib.suppress(*AWAY):
        announce(services.refresh_results([run.pk]))


def _announce(changed: set[int]) -> None:
    """Best effort: what is not announced is found by those who look."""
    with contextlib.suppress(*AWAY):
        announce(changed)


def _died(trainer: Trainer, status: int) -> Event:
    """What to say of a trainer that ended without a last word: stopped by force, or broken."""
    if shutting_down.is_set() or trainer.stopping:
        return RunStopped(step=0)
    return RunFailed(error=f"The trainer ended with status {status} without saying why.", log=trainer.log_tail())
