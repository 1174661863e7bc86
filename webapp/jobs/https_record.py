"""The record for a worker that reaches the laboratory by HTTPS alone: each call is a request to ``webapp.api.work``."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from django.conf import settings
from pydantic import ValidationError

from training import RunSpec
from training.events import Event
from training.storage.https_remote import Connection, NotAnswering, Refused
from webapp.database_outages import Unreachable
from webapp.experiments.models import Run
from webapp.experiments.workers import Device
from webapp.leases import StaleAttempt

T = TypeVar("T")

EVENTS_OF_A_REQUEST = 1000
OTHER_VERSION = "What this worker is to train cannot be read here. Install the version of the laboratory."
STATUS_SECONDS = 1.0
"""The age up to which the last known statuses are returned without a request."""


class HttpsRecord:
    """The record at ``server`` for the worker ``name``; see ``webapp.actions.record.Record``.

    The laboratory notifies pages and workers by itself. It refuses events that it has stored already, since a request whose
    answer was lost may arrive after a later one.
    """

    unreachable = "the laboratory could not be reached for longer than its lease"
    batch_seconds = 0.5

    def __init__(self, server: str, name: str) -> None:
        self.url = f"{server.rstrip('/')}/api/v1/work/{quote(name)}"
        self.lease_seconds: float = settings.LEASE_SECONDS
        self.renew_seconds: float = settings.LEASE_RENEW_SECONDS
        self._connection = Connection(self.url)
        self._newest = dict[int, int]()  # the number of the newest event of each run that is known here
        self._beside, self._samples = list[str](), 0
        self._statuses, self._statuses_at = dict[int, str](), 0.0

    def claim(self, worker: str) -> list[Run]:
        """Claim runs on the laboratory's terms. The rows are copies; what an earlier claim took unseen is given back first.

        Raises Refused for a worker of another version.
        """
        answer = self._ask("POST", "claim")
        self.lease_seconds, self.renew_seconds = answer["lease_seconds"], answer["renew_seconds"]
        self._beside, self._samples, self._statuses_at = answer["beside"], answer["samples"], 0.0
        self._newest = {row["id"]: row["last_seq"] for row in answer["runs"]}
        fields = ("id", "key", "attempt", "status", "spec", "last_seq")
        runs = [Run(**{field: row[field] for field in fields}) for row in answer["runs"]]
        try:
            for run in runs:
                RunSpec.model_validate(run.spec)
        except ValidationError:
            for run in runs:
                self.give_back(run.pk, run.attempt, "its worker has another version and cannot read it")
            raise Refused(0, OTHER_VERSION) from None
        return runs

    def give_back_unstarted(self, worker: str) -> None:
        """Do nothing: the next claim gives back what the worker holds."""

    def renew(self, attempts: Mapping[int, int]) -> dict[int, str]:
        return self._known_statuses("renew", attempts)

    def statuses(self, attempts: Mapping[int, int]) -> dict[int, str]:
        if time.monotonic() < self._statuses_at + STATUS_SECONDS:
            return {run: self._statuses[run] for run in attempts if run in self._statuses}
        return self._known_statuses("statuses", attempts)

    def _known_statuses(self, path: str, attempts: Mapping[int, int]) -> dict[int, str]:
        answer = self._ask("POST", path, {"attempts": dict(attempts)})
        self._statuses, self._statuses_at = _by_run(answer["statuses"]), time.monotonic()
        return dict(self._statuses)

    def append(self, attempts: Mapping[int, int], events: Mapping[int, Sequence[Event]]) -> set[int]:
        changed = set[int]()
        for batch in _batches(events):
            about = {"attempts": {run: attempts[run] for run in batch}, "after": {run: self._newest[run] for run in batch}}
            try:
                stored = _by_run(self._ask("POST", "events", {**about, "events": batch})["last_seq"])
            except StaleAttempt:
                continue
            self._newest |= stored
            changed |= stored.keys()
        return changed

    def recorded(self, run_id: int, attempt: int) -> int:
        answer = self._ask("GET", f"runs/{run_id}/recorded?attempt={attempt}")
        self._newest[run_id] = answer["last_seq"]
        return int(answer["recorded"])

    def notify(self, run_ids: Iterable[int]) -> None:
        """Do nothing: the laboratory does it when it stores."""

    def give_back(self, run_id: int, attempt: int, cause: str) -> None:
        self._end(run_id, "give-back", {"attempt": attempt, "cause": cause})

    def lose(self, run_id: int, attempt: int, cause: str, log: str) -> None:
        self._end(run_id, "lose", {"attempt": attempt, "cause": cause[:2000], "log": log[-200_000:]})

    def _end(self, run_id: int, path: str, body: dict[str, Any]) -> None:
        try:
            self._ask("POST", f"runs/{run_id}/{path}", body)
        except StaleAttempt:
            return  # another worker has the run, and nothing is left to end

    def report_damage(self, key: str) -> None:
        self._ask("POST", "damage", {"key": key})

    def models_beside(self, run: Run) -> list[str]:
        return self._beside

    def most_samples(self, run_ids: Collection[int]) -> int:
        return self._samples

    def refresh(self, run_ids: Sequence[int]) -> None:
        self._ask("POST", "ended", {"runs": list(run_ids)})

    def register(self, name: str, engine: int, packages: Mapping[str, str], devices: Sequence[Device], processes: int) -> None:
        about = {"engine": engine, "packages": dict(packages), "devices": list(devices), "processes": processes}
        self._ask("PUT", "presence", about)

    def beat(self, name: str, devices: Sequence[Device]) -> bool:
        return bool(self._ask("POST", "presence", {"devices": list(devices)})["known"])

    def leave(self, name: str) -> None:
        self._ask("DELETE", "presence")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON of an answer. Raises Unreachable, StaleAttempt, Refused."""
        try:
            response = self._connection.request(method, path, json=body)
        except NotAnswering as error:
            raise Unreachable(str(error)) from None
        except Refused as error:
            if error.status == httpx2.codes.CONFLICT:
                raise StaleAttempt(str(error)) from None
            if error.status == httpx2.codes.PRECONDITION_FAILED:
                raise Unreachable(str(error)) from None  # the answer to an earlier request, which was done, never came
            raise
        return response.json() if response.content else None


def _by_run(numbered: Mapping[str, T]) -> dict[int, T]:
    """Return a JSON object with numbers of runs for names."""
    return {int(run): value for run, value in numbered.items()}


def _batches(events: Mapping[int, Sequence[Event]]) -> Iterator[dict[int, list[dict[str, Any]]]]:
    """Yield the events in order, as JSON, in pieces of a bounded size. A run without events is left out."""
    pairs = ((run, event.model_dump(mode="json")) for run, own in events.items() for event in own)
    while batch := list(islice(pairs, EVENTS_OF_A_REQUEST)):
        by_run = defaultdict[int, list[dict[str, Any]]](list)
        for run, event in batch:
            by_run[run].append(event)
        yield dict(by_run)
