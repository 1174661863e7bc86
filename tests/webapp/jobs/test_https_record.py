"""The record by HTTPS: requests and answers may be lost or late, and every event is stored once, in order."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import ending, launched
from tests.factories.https_workers import NAME, HttpsWorker
from training.environment import SettingError
from training.events import MetricLogged
from training.storage import https_remote
from training.storage.https_remote import HttpsRemote, Refused, checked
from training.storage.remote import StoreUnreachable
from webapp.database_outages import Unreachable
from webapp.experiments import queries, services
from webapp.experiments.models import Run, Status
from webapp.jobs import recorder as module
from webapp.jobs.https_record import HttpsRecord
from webapp.jobs.leased_work import RunLeases
from webapp.jobs.recorder import Recorder
from webapp.leases import StaleAttempt

pytestmark = [
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

SERVER = "https://lab.example"


class Line:
    """A connection to the laboratory of this test, on which single requests and answers are lost, or arrive late."""

    def __init__(self) -> None:
        self.faults = list[str]()
        """The fates of the next requests: "request lost", "answer lost" or "late"."""
        self.late = list[httpx2.Request]()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "late":
            self.late.append(request)
        if fault in ("late", "request lost"):
            raise httpx2.ConnectError("no route", request=request)
        answer = self.deliver(request)
        if fault == "answer lost":
            raise httpx2.ReadError("reset by peer", request=request)
        return answer

    def deliver(self, request: httpx2.Request) -> httpx2.Response:
        client = Client(headers={"authorization": request.headers["authorization"]}, raise_request_exception=False)
        digest = {"X-Content-SHA256": request.headers.get("x-content-sha256", "")}
        content = request.read()
        answer = client.generic(
            request.method, str(request.url.raw_path, "ascii"), content, content_type="application/json", headers=digest
        )
        headers = {name: value for name, value in answer.items() if name.lower() == "content-length"}
        body = b"".join(answer) if answer.streaming else answer.content
        return httpx2.Response(answer.status_code, headers=headers, content=body, request=request)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line, client = Line(), httpx2.Client

    def connected(**options: object) -> httpx2.Client:
        return client(**{**options, "transport": httpx2.MockTransport(line)})  # type: ignore[arg-type]

    monkeypatch.setattr(httpx2, "Client", connected)
    monkeypatch.setattr(https_remote, "_connections", {})
    return line


@pytest.fixture
def record(owner: User, line: Line, monkeypatch: pytest.MonkeyPatch) -> HttpsRecord:
    launched(owner)
    monkeypatch.setenv("W2S_TOKEN", HttpsWorker().secret)
    return HttpsRecord(SERVER, NAME)


@pytest.fixture
def run(record: HttpsRecord) -> Run:
    (run, *_) = record.claim(NAME)
    return run


def metric(step: int) -> MetricLogged:
    return MetricLogged(step=step, loss=0.5, lr=1)


def stored_steps(run: Run) -> list[int | None]:
    events = queries.events_after(run.pk, 0)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return [event.get("step") for event in events if event["kind"] in ("metric", "finished")]


@pytest.mark.parametrize("faults", [["request lost"], ["answer lost"], ["answer lost", "request lost"], ["answer lost"] * 3])
def test_lost_requests_and_answers_neither_lose_nor_double_an_event(
    record: HttpsRecord, run: Run, line: Line, monkeypatch: pytest.MonkeyPatch, faults: list[str]
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    recorder = Recorder({run.pk: run.attempt}, record)
    recorder.add(run.pk, metric(1))
    line.faults = list(faults)
    recorder.flush()
    recorder.add(run.pk, metric(2))
    recorder.finish()
    recorder.add(run.pk, ending(0.5))
    recorder.finish()
    assert stored_steps(run) == [1, 2, None]


def test_a_request_that_arrives_late_is_refused_once_its_events_were_sent_again(
    record: HttpsRecord, run: Run, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    recorder = Recorder({run.pk: run.attempt}, record)
    recorder.add(run.pk, metric(1))
    line.faults = ["late"]
    recorder.flush()
    recorder.add(run.pk, metric(2))
    recorder.finish()
    assert line.deliver(line.late[0]).status_code == 412
    assert stored_steps(run) == [1, 2]


def test_a_request_that_arrives_just_before_its_repetition_is_found_out(
    record: HttpsRecord, run: Run, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    recorder, recorded = Recorder({run.pk: run.attempt}, record), record.recorded
    recorder.add(run.pk, metric(1))
    line.faults = ["late"]
    recorder.flush()

    def count(run_id: int, attempt: int) -> int:
        number = recorded(run_id, attempt)
        while line.late:
            assert line.deliver(line.late.pop()).status_code == 200
        return number

    monkeypatch.setattr(record, "recorded", count)
    recorder.add(run.pk, metric(2))
    recorder.finish()
    assert stored_steps(run) == [1, 2]


def test_more_events_than_a_request_holds_are_stored_in_order(record: HttpsRecord, run: Run) -> None:
    events = [metric(step) for step in range(1, 1201)]
    assert record.append({run.pk: run.attempt}, {run.pk: events}) == {run.pk}
    assert services.recorded(run.pk, run.attempt) == 1200


def test_a_laboratory_that_does_not_answer_is_borne_until_the_lease_ends_by_the_workers_clock(
    record: HttpsRecord, run: Run, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease, attempts = RunLeases([run], 0.0, record), {run.pk: run.attempt}
    line.faults = ["request lost"]
    assert lease.check(attempts) == {run.pk: Status.RUNNING}
    assert lease.expired, "it was claimed in the distant past"
    fresh = RunLeases([run], lease._until + 1e6, record)
    line.faults = ["request lost"]
    assert (fresh.check(attempts), fresh.expired) == ({run.pk: Status.RUNNING}, False)


def test_a_run_that_another_worker_has_is_followed_no_more(record: HttpsRecord, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(attempt=7)
    with pytest.raises(StaleAttempt):
        record.renew({run.pk: run.attempt})
    assert record.append({run.pk: run.attempt}, {run.pk: [metric(1)]}) == set()
    record.give_back(run.pk, run.attempt, "")
    assert Run.objects.get(pk=run.pk).status == Status.RUNNING


def test_a_token_that_is_no_workers_ends_the_worker_and_an_outage_does_not(
    record: HttpsRecord, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.faults = ["request lost"]
    with pytest.raises(Unreachable):
        record.claim(NAME)
    monkeypatch.setenv("W2S_TOKEN", "wrong")
    with pytest.raises(Refused, match="valid token"):
        HttpsRecord(SERVER, NAME).claim(NAME)


def test_files_go_to_the_laboratory_and_come_back(record: HttpsRecord, run: Run, line: Line, tmp_path: Path) -> None:
    remote, name, source = HttpsRemote(record.url), f"runs/{run.key}/checkpoint.bin", tmp_path / "source"
    source.write_bytes(b"0123456789" * 100)
    assert remote.size(name) is None
    line.faults = ["answer lost", "request lost"]
    remote.upload(source, name)
    line.faults = ["answer lost"]
    remote.download(name, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert (remote.size(name), list(remote.names(f"runs/{run.key}/"))) == (1000, [name])
    assert remote.read(name, 5, 10) == b"5678901234"
    remote.remove(name)
    with pytest.raises(FileNotFoundError):
        remote.download(name, tmp_path / "copy")


def test_a_file_of_another_run_is_refused_with_the_sentence_of_the_laboratory(
    record: HttpsRecord, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(b"content")
    with pytest.raises(StoreUnreachable, match="files of the runs that it holds"):
        HttpsRemote(record.url).upload(tmp_path / "source", f"runs/{'0' * 64}/predictions.parquet")


def test_a_shared_file_that_is_there_already_is_not_sent_again(
    record: HttpsRecord, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, (first, second) = HttpsRemote(record.url), (tmp_path / "first", tmp_path / "second")
    first.write_bytes(b"of one worker")
    second.write_bytes(b"of another")
    remote.upload(first, "features/0123.npy")
    remote.upload(second, "features/0123.npy")
    assert remote.read("features/0123.npy") == b"of one worker"
    sizes: Iterator[int | None] = iter([None])
    monkeypatch.setattr(HttpsRemote, "size", lambda *_: next(sizes))
    remote.upload(second, "features/0123.npy")
    assert remote.read("features/0123.npy") == b"of one worker"


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://lab.example/", True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost", True),
        ("http://lab.example", False),
        ("http://127.0.0.1.example", False),
        ("ftp://lab.example", False),
        ("lab.example", False),
    ],
)
def test_the_token_goes_over_encrypted_connections_or_stays_on_the_machine(url: str, fits: bool) -> None:
    check: Callable[[str], str] = checked
    if fits:
        assert check(url) == url.rstrip("/")
    else:
        with pytest.raises(SettingError, match="must begin with https://"):
            check(url)
