"""A trainer with the runs that it trains, as the worker follows them: each has its own stop and its own end."""

import contextlib
import time
from collections.abc import Sequence
from queue import Empty

from django.conf import settings

from training import Event
from training.events import MetricLogged, RunFailed, RunFinished, RunStopped
from webapp import tracing
from webapp.actions.record import DatabaseRecord, Record
from webapp.database_outages import AWAY, patiently
from webapp.experiments import run_logs
from webapp.experiments.models import Run, Status
from webapp.jobs.leased_work import POLL_SECONDS, RunLeases
from webapp.jobs.recorder import Recorder
from webapp.jobs.run_spans import LOST, RunSpans
from webapp.jobs.sampler import Sampler, Speed
from webapp.jobs.shutdown import shutting_down
from webapp.jobs.trainer import Trainer
from webapp.leases import StaleAttempt


class Following:
    """The runs of one trainer, claimed at ``since``. This worker holds the leases of those in ``open``, by id."""

    def __init__(self, runs: Sequence[Run], since: float, record: Record | None = None) -> None:
        self.record = record = record or DatabaseRecord()
        self.runs = {run.key: run for run in runs}
        self.open = {run.pk: run for run in runs}
        self.leases = RunLeases(runs, since, record)
        self.recorder = Recorder({run.pk: run.attempt for run in runs}, record)
        self.speeds = {run.pk: Speed(run.run_spec.batch_size) for run in runs}
        self.spans = RunSpans(runs, since, isinstance(record, DatabaseRecord))
        self._stop_requested = set[int]()

    def follow(self) -> None:
        """Record the trainer's events, renew the leases, pass on stop requests, and store the end of each run."""
        record, (first, *others) = self.record, self.runs.values()
        specs, log = [run.run_spec for run in self.runs.values()], run_logs.path_of(first.key)
        for run in self.runs.values():
            run_logs.resume(run.key)
        samples = patiently(lambda: record.most_samples([run.pk for run in self.runs.values() if run.attempt > 1]))
        trainer = self.trainer = Trainer(specs, settings.ARTIFACTS_DIR, log, patiently(lambda: record.models_beside(first)))
        for run in others:
            run_logs.note(run.key, f"Run {first.pk} is trained together with this one; its log has the output.")
        try:
            with self.leases.enforced(trainer.stop), Sampler(lambda: trainer.pid, samples) as sampler:
                with tracing.without_queries():
                    self._record(sampler)
                status, stopping = trainer.end(), self._stopping
            for run in list(self.open.values()):
                if status < 0 and not stopping:
                    cause = f"its trainer was killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
                    self._lose(run, cause)
                elif stopping:
                    self._conclude(run, RunStopped(step=0))
                else:
                    error = f"The trainer ended with status {status} without saying why."
                    self._conclude(run, RunFailed(error=error, log=trainer.log_tail()))
            self.recorder.finish()
        finally:
            trainer.kill()
        self._refresh()

    @property
    def _stopping(self) -> bool:
        return self.trainer.stopping or shutting_down.is_set()

    def _record(self, sampler: Sampler) -> None:
        """Record events until the trainer's output ends, and the samples of its use of the machine."""
        check_at = 0.0
        while True:
            for use in sampler.taken():
                for pk in self.open:
                    self.recorder.add(pk, self.speeds[pk].sample(use, len(self.open)))
            if self.recorder.full:
                time.sleep(POLL_SECONDS)  # the trainer waits, since nothing reads its output
            else:
                with contextlib.suppress(Empty):
                    if (message := self.trainer.next_message(self.recorder.seconds_left)) is None:
                        return
                    self._add(self.runs[message.run], message.event)
            if self.recorder.due:
                self.recorder.flush()
                if time.monotonic() > check_at:
                    run_logs.trim(self.trainer.log)
                    self._check()
                    check_at = time.monotonic() + POLL_SECONDS

    def _check(self) -> None:
        """Renew the leases and pass on stop requests. A run that another attempt has is followed no more. Raises StaleAttempt."""
        if not self.open:
            return
        statuses = self.leases.check({pk: run.attempt for pk, run in self.open.items()})
        stale = [self.open.pop(pk) for pk in list(self.open) if pk not in statuses]
        stopping = [run for pk, run in self.open.items() if statuses[pk] == Status.STOPPING]
        if shutting_down.is_set() or len(stopping) == len(self.open):
            self.trainer.stop()
            return
        for run in stale + stopping:
            if run.pk not in self._stop_requested:
                self._stop_requested.add(run.pk)
                self.trainer.stop_run(run.key)

    def _add(self, run: Run, event: Event) -> None:
        if run.pk not in self.open:
            return
        self.spans.add(run.pk, event)
        if isinstance(event, RunFailed) and event.passes and not self._stopping:
            # It is read again first: one worker's memory may be at fault, and not the file.
            if key := event.damaged:
                patiently(lambda: self.record.report_damage(key))
            self._lose(run, event.error[0].lower() + event.error[1:].rstrip("."))
        elif isinstance(event, RunFinished | RunFailed | RunStopped):
            self._conclude(run, event)
        else:
            if isinstance(event, MetricLogged):
                self.speeds[run.pk].add(event, time.monotonic())
            self.recorder.add(run.pk, event)

    def _conclude(self, run: Run, last: RunFinished | RunFailed | RunStopped) -> None:
        """Store the end of an attempt. A stop that nobody requested gives the run back."""
        self._close(run)
        if isinstance(last, RunStopped) and not self._requested(run):
            self.recorder.finish()
            cause = self.record.unreachable if self.leases.expired else ""
            patiently(lambda: self.record.give_back(run.pk, run.attempt, cause))
            self.spans.end(run.pk, "released")
        else:
            self.recorder.add(run.pk, last)
            self.spans.end(run.pk, last.kind)

    def _close(self, run: Run) -> None:
        """Follow the run no more. Its log is stored first: whoever works by HTTPS writes files of the runs that it holds."""
        del self.open[run.pk]
        run_logs.publish(run.key)

    def _requested(self, run: Run) -> bool:
        """Return whether the run's stop was requested, or its lease is lost."""
        try:
            return patiently(lambda: self.record.renew({run.pk: run.attempt}))[run.pk] == Status.STOPPING
        except StaleAttempt:
            return True

    def _lose(self, run: Run, cause: str) -> None:
        """Store an end that is not the run's fault, such as a full disk; the run goes on from its last checkpoint."""
        self._close(run)
        self.recorder.finish()
        patiently(lambda: self.record.lose(run.pk, run.attempt, cause, self.trainer.log_tail()))
        self.spans.end(run.pk, LOST)

    def _refresh(self) -> None:
        """Compute what the ends of the runs have made due: once for all of them."""
        with contextlib.suppress(*AWAY):  # the recovery computes what is due
            self.record.refresh([run.pk for run in self.runs.values()])
