"""A laboratory from a notebook or a script: launch, follow, and read what came of it. No torch comes with it."""

import os
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2

from training.events import standing
from training.metrics.results import Result
from training.spec import ExperimentSpec

AT_REST = ("finished", "failed", "stopped", "draft")
TRIES = 5
TOO_OFTEN = 429
NO_NUMBERS = ("kind", "step", "seq", "attempt", "at")
PATIENCE = 60.0
"""Seconds for one answer."""

Json = dict[str, Any]


class Refused(Exception):
    """What the laboratory answered instead: ``problems`` are pairs of the wrong field's path and a sentence."""

    def __init__(self, status: int, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in problems))
        self.status, self.problems = status, problems


class Lab:
    """The laboratory at ``url``, for the owner of ``token`` (from ``W2S_TOKEN`` unless given)."""

    def __init__(self, url: str, token: str = "") -> None:  # nosec B107 # no secret by default
        headers = {"Authorization": f"Bearer {token or os.environ.get('W2S_TOKEN', '')}"}
        self._http = httpx2.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=PATIENCE)

    def launch(self, spec: ExperimentSpec | Mapping[str, Any]) -> "Experiment":
        """Raises Refused for a spec that cannot be run. An answer that is lost on the way makes no second experiment."""
        wanted = spec.model_dump(mode="json") if isinstance(spec, ExperimentSpec) else dict(spec)
        told = self.ask("POST", "experiments?launch=true", wanted, {"Idempotency-Key": str(uuid.uuid4())})
        return Experiment(self, told)

    def experiment(self, number: int) -> "Experiment":
        return Experiment(self, self.ask("GET", f"experiments/{number}"))

    def experiments(self, text: str = "", state: str = "") -> Iterator[Json]:
        """The list, newest first: id, name, owner, state and number of runs of each, by a part of the name and by state."""
        page, pages = 1, 1
        while page <= pages:
            found = self.ask("GET", "experiments?" + urllib.parse.urlencode({"text": text, "state": state, "page": page}))
            yield from found["experiments"]
            page, pages = page + 1, found["pages"]

    def push(self, archive: Path, seconds: float = 0.5) -> "Experiment":
        """Brings an archive to the laboratory and waits until it has verified it, asking every so many ``seconds``.

        Raises Refused with what is wrong with it.
        """
        with archive.open("rb") as file:
            told = _told(self._http.post("archives", files={"file": file}))
        while told["state"] in ("queued", "running"):
            time.sleep(seconds)
            told = self.ask("GET", f"archives/{told['id']}")
        if told["experiment"] is None:
            raise Refused(422, [("file", problem) for problem in told["problems"] or ["The experiment was deleted."]])
        return self.experiment(told["experiment"])

    def ask(
        self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None, tries: int = TRIES
    ) -> Any:
        """One operation of the API, as JSON. Where nobody answers it is tried again, which only repeatable ones may be.

        Whoever has asked too often waits as long as the laboratory says; nothing was done then.
        """
        for pause in range(tries):
            try:
                answer = self._http.request(method, path, json=body, headers=headers)
                if answer.status_code != TOO_OFTEN or pause == tries - 1:
                    return _told(answer)
                time.sleep(float(answer.headers.get("Retry-After", 1)))
            except httpx2.TransportError:  # no connection, or one that broke
                if pause == tries - 1:
                    raise
                time.sleep(2**pause / 2)
        raise AssertionError("every try returns or raises")

    def save(self, path: str, target: Path) -> None:
        """What the API answers with as a file."""
        with self._http.stream("GET", path) as answer:
            if answer.is_error:
                answer.read()
                raise _refused(answer)
            with target.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)


class Experiment:
    """One experiment as it was when it was last asked about."""

    def __init__(self, lab: Lab, told: Json) -> None:
        self.lab, self.told = lab, told

    @property
    def id(self) -> int:
        return int(self.told["id"])

    @property
    def state(self) -> str:
        """draft, waiting, running, stopping, stopped, failed or finished"""
        return str(self.told["state"])

    @property
    def result(self) -> Result | None:
        return None if self.told["result"] is None else Result.model_validate(self.told["result"])

    def refresh(self) -> "Experiment":
        self.told = self.lab.ask("GET", f"experiments/{self.id}")
        return self

    def follow(self, seconds: float = 2.0) -> Iterator["Experiment"]:
        """Itself, each time that it has got on, until nothing of it is at work any more."""
        while True:
            before = self.told
            yield self
            if self.state in AT_REST:
                return
            while self.refresh().told == before:
                time.sleep(seconds)

    def stop(self) -> "Experiment":
        self.told = self.lab.ask("POST", f"experiments/{self.id}/stop")
        return self

    def rename(self, name: str) -> "Experiment":
        self.told = self.lab.ask("PATCH", f"experiments/{self.id}", {"name": name})
        return self

    def delete(self) -> None:
        """Its runs stay for others, and its shares as they are. Raises Refused while something of it is at work."""
        self.lab.ask("DELETE", f"experiments/{self.id}")

    def share(self, choices: Mapping[str, Any] | None = None, **link: Any) -> str:
        """Freezes it for readers and answers with the address of a link, which is told this once.

        ``choices`` are those of the page: title, authors, notes, curves, examples, highlights. ``link``: name, days, password,
        previews. An answer that is lost on the way is not asked for again, or there would be a second share.
        """
        share = self.lab.ask("POST", f"experiments/{self.id}/shares", dict(choices or {}), tries=1)
        return str(self.lab.ask("POST", f"shares/{share['slug']}/links", link, tries=1)["url"])

    def curves(self) -> list[Json]:
        """A row for each number that its runs told, as ``pandas.DataFrame`` takes them: run, role, seed, step, name, value.

        Names are those of the events: loss, lr, accuracy, agreement, agreement_right, agreement_wrong and so on.
        """
        return [row for run in self.told["runs"] for row in self._rows(run)]

    def _rows(self, run: Json) -> list[Json]:
        about = {"run": run["run"], "role": run["role"], "seed": self.lab.ask("GET", f"runs/{run['run']}")["spec"]["seed"]}
        return [
            {**about, "step": event["step"], "name": name, "value": value}
            for event in standing(self._events(run["run"]))
            for name, value in event.items()
            if name not in NO_NUMBERS and value is not None
        ]

    def _events(self, run: int) -> Iterator[Json]:
        last = 0
        while found := self.lab.ask("GET", f"runs/{run}/events?after={last}")["events"]:
            yield from found
            last = found[-1]["seq"]

    def archive(self, target: Path) -> None:
        """The whole experiment as a zip file that another laboratory verifies."""
        self.lab.save(f"experiments/{self.id}/archive", target)


def _told(answer: httpx2.Response) -> Any:
    if answer.is_error:
        raise _refused(answer)
    return answer.json() if answer.content else None


def _refused(answer: httpx2.Response) -> Refused:
    try:
        problems = [(one["path"], one["message"]) for one in answer.json()["errors"]]
    except (ValueError, KeyError, TypeError):
        problems = [("", f"The laboratory answered {answer.status_code}.")]
    return Refused(answer.status_code, problems)
