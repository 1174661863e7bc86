"""What a worker does with a run: claim it, watch over its trainer, record what it tells."""

import multiprocessing
import queue
import time
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from training import Event
from training.checksums import DamagedArtifact
from training.events import RunFailed, RunFinished, RunStopped
from webapp.experiments import services
from webapp.experiments.models import Run, Status
from webapp.jobs import damage, logs
from webapp.jobs.dispatch import announce, prepare
from webapp.jobs.recorder import Recorder
from webapp.jobs.trainer import Trainer

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
    run = services.claim_next(str(self.request.hostname))
    if run is None:
        return
    announce([run.pk])
    watch(run)


def watch(run: Run) -> None:
    """Follows the trainer to its end, keeps the lease alive and passes on a wish to stop."""
    recorder = Recorder(run.pk, run.attempt)
    trainer = Trainer(run.run_spec, settings.ARTIFACTS_DIR, logs.path_of(run.key))
    lease = Lease(run)
    last: Event | None = None
    try:
        while True:
            try:
                event = trainer.next_event(POLL_SECONDS)
            except queue.Empty:
                pass
            else:
                if event is None:
                    break
                if isinstance(event, RunFinished | RunFailed | RunStopped):
                    last = event
                else:
                    recorder.add(event)
            if recorder.due:
                recorder.flush()
                logs.trim(trainer.log)
                if lease.check() == Status.STOPPING or shutting_down.is_set():
                    trainer.stop()
        status, asked = trainer.end(), trainer.stopping or shutting_down.is_set()
        if last is None and status < 0 and not asked:
            cause = f"its trainer was killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
            _lose(run, recorder, cause, trainer.log_tail())
        elif isinstance(last, RunFailed) and last.passes and not asked:
            # It is read again first: one worker's memory may be at fault, and not the file.
            if last.damaged:
                damage.found(DamagedArtifact(last.damaged, "", ""))
            _lose(run, recorder, last.error[0].lower() + last.error[1:].rstrip("."), trainer.log_tail())
        else:
            _conclude(run, recorder, last or _died(trainer, status))
    except services.StaleAttemptError:
        return  # another worker has the run: what this trainer still says is refused
    finally:
        trainer.kill()


class Lease:
    """The right to train, renewed now and then; ``check`` tells what the record says of the run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._renew_at = 0.0

    def check(self) -> str:
        """The run's status; raises StaleAttemptError when the lease was lost."""
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + settings.LEASE_RENEW_SECONDS
            status = services.renew(self.run.pk, self.run.attempt)
        else:
            status = Run.objects.filter(pk=self.run.pk, attempt=self.run.attempt).values_list("status", flat=True).first()
        if status is None:
            raise services.StaleAttemptError(f"{self.run} lost its lease")
        return status


def _conclude(run: Run, recorder: Recorder, last: Event) -> None:
    """The end of an attempt: given back when the worker shuts down and nobody asked for a stop, else stored as it ended."""
    if isinstance(last, RunStopped) and Lease(run).check() != Status.STOPPING:
        recorder.finish(None)
        announce(services.give_back(run.pk, run.attempt))
        return
    recorder.finish(last)
    announce({run.pk} | services.refresh_results([run.pk]))
    prepare(run.pk)


def _lose(run: Run, recorder: Recorder, cause: str, log: str) -> None:
    """Something outside ended the trainer, or filled the disk: no fault of the run's, which goes on from its last checkpoint."""
    recorder.finish(None)
    announce(services.lose(run.pk, run.attempt, cause, log))
    announce(services.refresh_results([run.pk]))


def _died(trainer: Trainer, status: int) -> Event:
    """What to say of a trainer that ended without a last word: stopped by force, or broken."""
    if shutting_down.is_set() or trainer.stopping:
        return RunStopped(step=0)
    return RunFailed(error=f"The trainer ended with status {status} without saying why.", log=trainer.log_tail())
