"""The event log: a run's events in events.jsonl beside its files, where no laboratory records them; as in an archive."""

import json
from datetime import UTC, datetime

from training.events import EVENTS, Event, EventRecord, RunClaimed
from training.storage.artifacts import Store

WORKER = "command line"


class EventLog:
    """The event log of a new attempt at the run ``key``; the events of earlier attempts stay."""

    def __init__(self, store: Store, key: str) -> None:
        self._path = store.run(key) / EVENTS
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = self._whole()
        self._seq = len(before)
        self._attempt = 1 + (json.loads(before[-1])["attempt"] if before else 0)
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self.write(RunClaimed(worker=WORKER))

    def _whole(self) -> list[str]:
        """Return the lines so far, without an incomplete last line of a killed program."""
        if not self._path.exists():
            return []
        text = self._path.read_text(encoding="utf-8")
        complete = text[: text.rfind("\n") + 1]
        if complete != text:
            self._path.write_text(complete, encoding="utf-8")
        return complete.splitlines()

    def close(self) -> None:
        self._file.close()

    def write(self, event: Event) -> None:
        self._seq += 1
        record = EventRecord(seq=self._seq, attempt=self._attempt, at=datetime.now(UTC), event=event)
        self._file.write(record.model_dump_json() + "\n")
