"""The reads and writes of a training worker: one interface for the database and for the laboratory's API.

``webapp.jobs.https_record`` has the implementation for a worker that reaches the laboratory by HTTPS alone. Its requests are
answered with the functions of ``DatabaseRecord``, so both kinds of workers have the same rules.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from django.conf import settings

from training.events import Event
from training.storage.checksums import DamagedArtifact
from webapp.actions import artifacts
from webapp.artifact_store import store_is_reachable
from webapp.database_outages import AWAY
from webapp.experiments import queue, results, services, system_samples, workers
from webapp.experiments.models import Run
from webapp.experiments.workers import Device
from webapp.notifications import notify, prepare_examples


class Record(Protocol):
    """The record as a training worker uses it.

    Every method may raise one of ``AWAY``. It is then unknown whether a write was stored; all writes but ``append`` can be
    repeated, and ``recorded`` tells how much of an ``append`` was stored.
    """

    unreachable: str
    """The cause for which a run is given back whose lease expired while the record was away."""

    @property
    def lease_seconds(self) -> float: ...

    @property
    def renew_seconds(self) -> float: ...

    @property
    def batch_seconds(self) -> float:
        """Return the longest time for which an event waits for others, in seconds."""

    def claim(self, worker: str) -> list[Run]:
        """Claim the first queued run that the worker can take, and those to train with it; none where there is no work."""

    def give_back_unstarted(self, worker: str) -> None:
        """Give back what the worker holds without knowing it, since the answer to its claim was lost."""

    def renew(self, attempts: Mapping[int, int]) -> dict[int, str]:
        """Renew the leases of ``attempts``, by run, and return ``statuses``. Raises StaleAttempt where none is held."""

    def statuses(self, attempts: Mapping[int, int]) -> dict[int, str]:
        """Return the status of each run whose lease its attempt still holds. Raises StaleAttempt where none is held."""

    def append(self, attempts: Mapping[int, int], events: Mapping[int, Sequence[Event]]) -> set[int]:
        """Store events by run, and return the runs that changed. Those of an attempt that has lost its lease are refused."""

    def recorded(self, run_id: int, attempt: int) -> int:
        """Return the number of stored events that the worker wrote in this attempt."""

    def notify(self, run_ids: Iterable[int]) -> None:
        """Notify pages and workers of changed runs."""

    def give_back(self, run_id: int, attempt: int, cause: str) -> None:
        """Return a run to the queue that the worker does not end, for a ``cause`` other than its shutdown if there is one."""

    def lose(self, run_id: int, attempt: int, cause: str, log: str) -> None:
        """End an attempt that broke off without the run's fault; ``log`` is the end of the trainer's output."""

    def report_damage(self, key: str) -> None:
        """Have the finished run ``key`` trained again, if its files are damaged."""

    def models_beside(self, run: Run) -> list[str]:
        """Return the models whose features are computed with those of ``run``."""

    def most_samples(self, run_ids: Collection[int]) -> int:
        """Return the number of samples of that of the runs which has most."""

    def refresh(self, run_ids: Sequence[int]) -> None:
        """Have everything computed that the ends of the runs have made due."""

    def register(
        self, name: str, engine: int, packages: Mapping[str, str], devices: Sequence[Device], processes: int
    ) -> None: ...

    def beat(self, name: str, devices: Sequence[Device]) -> bool:
        """Store a heartbeat. False for a worker that has to register first."""

    def leave(self, name: str) -> None: ...


class DatabaseRecord:
    """The record for a worker, or a request of one, that has the database."""

    unreachable = services.DATABASE_AWAY
    batch_seconds = 0.1

    @property
    def lease_seconds(self) -> float:
        return float(settings.LEASE_SECONDS)

    @property
    def renew_seconds(self) -> float:
        return float(settings.LEASE_RENEW_SECONDS)

    def claim(self, worker: str) -> list[Run]:
        runs = services.claim_group(worker)
        notify_safely({run.pk for run in runs})
        return runs

    def give_back_unstarted(self, worker: str) -> None:
        notify_safely(services.give_back_unstarted(worker))

    def renew(self, attempts: Mapping[int, int]) -> dict[int, str]:
        return services.renew_together(attempts)

    def statuses(self, attempts: Mapping[int, int]) -> dict[int, str]:
        return services.statuses_of(attempts)

    def append(self, attempts: Mapping[int, int], events: Mapping[int, Sequence[Event]]) -> set[int]:
        return services.append_together(attempts, events)

    def recorded(self, run_id: int, attempt: int) -> int:
        return services.recorded(run_id, attempt)

    def notify(self, run_ids: Iterable[int]) -> None:
        notify(run_ids)

    def give_back(self, run_id: int, attempt: int, cause: str) -> None:
        notify_safely(services.give_back(run_id, attempt, cause))

    def lose(self, run_id: int, attempt: int, cause: str, log: str) -> None:
        excused = not store_is_reachable()
        notify_safely(services.lose(run_id, attempt, cause, log, excused))

    def report_damage(self, key: str) -> None:
        artifacts.report_damage(DamagedArtifact(key, "", ""))

    def models_beside(self, run: Run) -> list[str]:
        return queue.models_beside(run)

    def most_samples(self, run_ids: Collection[int]) -> int:
        return system_samples.most_samples(run_ids)

    def refresh(self, run_ids: Sequence[int]) -> None:
        notify(results.refresh_results(run_ids))
        prepare_examples(run_ids)

    def register(self, name: str, engine: int, packages: Mapping[str, str], devices: Sequence[Device], processes: int) -> None:
        workers.register(name, engine, packages, devices, processes)

    def beat(self, name: str, devices: Sequence[Device]) -> bool:
        return workers.beat(name, devices)

    def leave(self, name: str) -> None:
        workers.leave(name)


def notify_safely(changed: set[int]) -> None:
    """Notify best effort; pages and recovery read what was not notified."""
    if changed:
        with contextlib.suppress(*AWAY):
            notify(changed)
