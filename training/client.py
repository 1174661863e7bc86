"""A client for notebooks and scripts: launch experiments, follow them, and read their results. It does not import torch."""

import json
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from training import environment
from training.events import valid_measurements
from training.metrics.results import Result
from training.spec import ExperimentSpec

FINAL_STATES = ("finished", "failed", "stopped", "draft")
TRIES = 5
TOO_OFTEN = 429
NOT_MEASURED = ("kind", "step", "seq", "attempt", "at")
TIMEOUT_SECONDS = 60.0
"""Seconds to wait for one response."""

FILE_SECONDS = 180.0
"""Seconds to wait for a response about files, which are checked before it."""

Json = dict[str, Any]


class Refused(Exception):
    """An error response of the laboratory: ``problems`` are pairs of a field's path and a sentence."""

    def __init__(self, status: int, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in problems))
        self.status, self.problems = status, problems


class Lab:
    """The laboratory at ``url``, for the owner of ``token`` (from ``W2S_TOKEN`` unless given).

    Raises SettingError where there is no token.
    """

    def __init__(self, url: str, token: str = "") -> None:  # nosec B107 # no secret by default
        token = token or environment.text("W2S_TOKEN")
        if not token:
            raise environment.SettingError("Set W2S_TOKEN to an API token of the laboratory.")
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=TIMEOUT_SECONDS)

    def launch(self, spec: ExperimentSpec | Mapping[str, Any]) -> "Experiment":
        """Launch the experiment ``spec``. Repeating the request after a lost response starts no second experiment.

        Raises Refused for a spec that cannot be run.
        """
        body = spec.model_dump(mode="json") if isinstance(spec, ExperimentSpec) else dict(spec)
        answer = self.ask("POST", "experiments?launch=true", body, {"Idempotency-Key": str(uuid.uuid4())})
        return Experiment(self, answer)

    def experiment(self, number: int) -> "Experiment":
        return Experiment(self, self.ask("GET", f"experiments/{number}"))

    def experiments(self, text: str = "", state: str = "") -> Iterator[Json]:
        """Yield the experiments, newest first: id, name, owner, state and number of runs, by part of the name and by state."""
        after = ""
        while True:
            query = urllib.parse.urlencode({"text": text, "state": state, "after": after, "per_page": 100})
            answer = self.ask("GET", f"experiments?{query}")
            yield from answer["experiments"]
            after = answer["after"]
            if not after:
                return

    def supervisors(self, dataset: str = "") -> list[Json]:
        """Return the labels from outside that can supervise, the newest first, of all data sets or of one."""
        labels: list[Json] = self.ask("GET", f"supervisors?{urllib.parse.urlencode({'dataset': dataset})}")
        return labels

    def add_supervisor(self, dataset: str, files: Sequence[Path], name: str, source: str, **about: str) -> Json:
        """Upload labels that were made elsewhere, and return their description; its ``model`` is for the weak models of a spec.

        One file stands for all seeds; of several, file i is for seed i. ``about``: licence, author, text. Raises Refused with
        the problems of the files.
        """
        fields = {"dataset": dataset, "name": name, "source": source, **about}
        answer: Json = self.send("supervisors", files, fields)
        return answer

    def send(self, path: str, files: Sequence[Path], fields: Mapping[str, str]) -> Any:
        """Send files with the fields of a form to one operation of the API and return its JSON."""
        with ExitStack() as opened:
            parts = [("files", (file.name, opened.enter_context(file.open("rb")))) for file in files]
            return _content(self._http.post(path, files=parts, data=dict(fields), timeout=FILE_SECONDS))

    def push(self, archive: Path, seconds: float = 0.5) -> "Experiment":
        """Upload an archive and wait until the laboratory has verified it, polling every ``seconds``.

        Raises Refused with the problems of the archive.
        """
        with archive.open("rb") as file:
            upload = _content(self._http.post("archives", files={"file": file}))
        while upload["state"] in ("queued", "running"):
            time.sleep(seconds)
            upload = self.ask("GET", f"archives/{upload['id']}")
        if upload["experiment"] is None:
            raise Refused(422, [("file", problem) for problem in upload["problems"] or ["The experiment was deleted."]])
        return self.experiment(upload["experiment"])

    def add_dataset(self, file: Path, mapping: Json, name: str, seconds: float = 0.5, **about: str) -> Json:
        """Upload a file of texts or features with its column ``mapping``, wait until it is checked, and return the data set.

        ``about`` are title, source, licence and citation. Raises Refused with what the checks say.
        """
        with file.open("rb") as content:
            fields = {"name": name, "mapping": json.dumps(mapping), **about}
            upload = _content(self._http.post("datasets", files={"file": (file.name, content)}, data=fields))
        while upload["state"] in ("queued", "running"):
            time.sleep(seconds)
            upload = self.ask("GET", f"imports/{upload['id']}")
        if upload["state"] != "saved":
            raise Refused(422, [("file", upload["error"] or "The import was stopped.")])
        dataset: Json = self.ask("GET", f"datasets/{name}")
        return dataset

    def ask(
        self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None, tries: int = TRIES
    ) -> Any:
        """Call one operation of the API and return its JSON. A failed connection is retried, so the operation must be repeatable.

        After too many requests it waits as long as the response says; such a request had no effect.
        """
        for pause in range(tries):
            try:
                answer = self._http.request(method, path, json=body, headers=headers)
                if answer.status_code != TOO_OFTEN or pause == tries - 1:
                    return _content(answer)
                time.sleep(float(answer.headers.get("Retry-After", 1)))
            except httpx2.TransportError:  # no connection, or a broken one
                if pause == tries - 1:
                    raise
                time.sleep(2**pause / 2)
        raise AssertionError("every try returns or raises")

    def read(self, path: str) -> bytes:
        """Return the response of the API as it is, for files that fit in memory."""
        answer = self._http.get(path)
        if answer.is_error:
            raise _refused(answer)
        return answer.content

    def save(self, path: str, target: Path) -> None:
        """Save the response of the API to the file ``target``."""
        with self._http.stream("GET", path) as answer:
            if answer.is_error:
                answer.read()
                raise _refused(answer)
            with target.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)


class Experiment:
    """An experiment, as of the last request."""

    def __init__(self, lab: Lab, data: Json) -> None:
        self.lab, self.data = lab, data

    @property
    def id(self) -> int:
        return int(self.data["id"])

    @property
    def state(self) -> str:
        """One of draft, waiting, running, stopping, stopped, failed and finished."""
        return str(self.data["state"])

    @property
    def result(self) -> Result | None:
        return None if self.data["result"] is None else Result.model_validate(self.data["result"])

    def refresh(self) -> "Experiment":
        self.data = self.lab.ask("GET", f"experiments/{self.id}")
        return self

    def follow(self, seconds: float = 2.0) -> Iterator["Experiment"]:
        """Yield this experiment after every change, until no run of it is waiting or running."""
        while True:
            before = self.data
            yield self
            if self.state in FINAL_STATES:
                return
            while self.refresh().data == before:
                time.sleep(seconds)

    def stop(self) -> "Experiment":
        self.data = self.lab.ask("POST", f"experiments/{self.id}/stop")
        return self

    def rename(self, name: str) -> "Experiment":
        self.data = self.lab.ask("PATCH", f"experiments/{self.id}", {"name": name})
        return self

    def delete(self) -> None:
        """Delete the experiment. Its runs and shares stay. Raises Refused while one of its runs is waiting or running."""
        self.lab.ask("DELETE", f"experiments/{self.id}")

    def share(self, choices: Mapping[str, Any] | None = None, **link: Any) -> str:
        """Freeze the experiment as a share and return the address of a link to it, which is shown only this once.

        ``choices`` are those of the page: title, authors, notes, curves, examples, highlights. ``link``: name, days, password,
        previews. The request is not retried after a lost response, since that would create a second share.
        """
        share = self.lab.ask("POST", f"experiments/{self.id}/shares", dict(choices or {}), tries=1)
        return str(self.lab.ask("POST", f"shares/{share['slug']}/links", link, tries=1)["url"])

    def curves(self) -> list[Json]:
        """Return a row for each number that the runs logged, for ``pandas.DataFrame``: run, role, seed, step, name, value.

        Names are those of the events: loss, lr, accuracy, agreement, agreement_right, agreement_wrong and so on.
        """
        return [row for run in self.data["runs"] for row in self._rows(run)]

    def _rows(self, run: Json) -> list[Json]:
        about = {"run": run["run"], "role": run["role"], "seed": self.lab.ask("GET", f"runs/{run['run']}")["spec"]["seed"]}
        return [
            {**about, "step": event["step"], "name": name, "value": value}
            for event in valid_measurements(self._events(run["run"]))
            for name, value in event.items()
            if name not in NOT_MEASURED and value is not None
        ]

    def _events(self, run: int) -> Iterator[Json]:
        last = 0
        while events := self.lab.ask("GET", f"runs/{run}/events?after={last}")["events"]:
            yield from events
            last = events[-1]["seq"]

    def handout(self, target: Path, weak: str = "") -> None:
        """Save what a student from outside learns from, as a zip file: weak labels of half B and test texts, without truth."""
        self.lab.save(f"experiments/{self.id}/handout?{urllib.parse.urlencode({'weak': weak})}", target)

    def submit(self, files: Sequence[Path], name: str, author: str, text: str, weak: str = "") -> Json:
        """Submit predictions for the test set, one file for all seeds or one for each, and return all submissions.

        ``text`` says how they were made. Each submission is a look at the test set. Raises Refused, such as where none is left.
        """
        fields = {"name": name, "author": author, "text": text, "weak": weak}
        answer: Json = self.lab.send(f"experiments/{self.id}/submissions", files, fields)
        return answer

    def picture(self, example: int | str) -> bytes:
        """Return the thumbnail of an example of a data set of images, a PNG or JPEG file. Raises Refused where it has none."""
        return self.lab.read(f"experiments/{self.id}/examples/{example}/picture")

    def archive(self, target: Path) -> None:
        """Save the whole experiment as a zip file, which another laboratory can verify and import."""
        self.lab.save(f"experiments/{self.id}/archive", target)


def _content(answer: httpx2.Response) -> Any:
    if answer.is_error:
        raise _refused(answer)
    return answer.json() if answer.content else None


def _refused(answer: httpx2.Response) -> Refused:
    try:
        problems = [(error["path"], error["message"]) for error in answer.json()["errors"]]
    except (ValueError, KeyError, TypeError):
        problems = [("", f"The laboratory answered {answer.status_code}.")]
    return Refused(answer.status_code, problems)
