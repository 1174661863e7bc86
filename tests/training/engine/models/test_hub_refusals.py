"""Models of a Hub on loopback that is busy, down or away, or does not let them be read."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.factories.hub_repositories import sha256
from tests.factories.hub_server import HubServer
from tests.factories.runs import Recording
from training import Event, RunSpec, Store
from training.cli.execute import train
from training.cli.exits import FAILED
from training.engine import hub_download
from training.engine.errors import CorruptModel, Stopped, Unreachable
from training.engine.hub_download import Repository
from training.engine.models import backbone, model_files

WEIGHTS = "model.safetensors"
TOKEN = "hf_made_for_this_test"
RunOf = Callable[..., RunSpec]


def loaded(run: RunSpec) -> dict[str, torch.Tensor]:
    return backbone.load(run).state_dict()


@pytest.mark.parametrize("where", ["hub", "storage"])
def test_a_busy_hub_is_waited_for_as_long_as_it_says(
    hub: HubServer, run_of: RunOf, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    waits: list[int] = []
    monkeypatch.setattr(hub_download, "wait", lambda seconds, report: waits.append(seconds))
    hub.fault(
        server=where, method="GET", status=429, headers={"Retry-After": "7"}, times=2, path="" if where == "storage" else "a/b"
    )
    loaded(run_of())
    assert waits == [7, 7]


def test_waiting_is_shown_and_can_be_stopped(hub: HubServer, run_of: RunOf) -> None:
    run, recording = run_of(), Recording(stop_after=lambda event: event.kind == "progress")
    hub.fault(path="a/b", status=429, headers={"RateLimit": '"api";r=0;t=299'}, times=99)
    with pytest.raises(Stopped), model_files.watched(recording.emit, lambda: recording.stop):
        model_files.folder_of(run)
    (event,) = recording.events
    assert event.model_dump() == {"kind": "progress", "phase": "waiting for the Hub", "done": 0, "total": 299}


@pytest.mark.parametrize("said", [{"Retry-After": "3600"}, {"RateLimit": '"resolvers";r=0;t=3600'}])
def test_a_wait_of_an_hour_fails_the_attempt_with_a_sentence(hub: HubServer, run_of: RunOf, said: dict[str, str]) -> None:
    run = run_of()
    hub.fault(path="a/b", status=429, headers=said, times=99)
    with pytest.raises(Unreachable, match=r"has had too many requests \(429\), and takes the next one in 3,600 seconds"):
        loaded(run)
    assert len(hub.received("hub", path="a/b")) == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("", "“a/b” at “{commit}” is gated: accept its licence on the Hub, and set HF_TOKEN to a token of that account"),
        ("hf_without_access", "is gated: accept its licence on the Hub, and set HF_TOKEN"),
        ("hf_of_nobody", "does not let HF_TOKEN read “a/b” at “{commit}”: set HF_TOKEN to a valid token"),
    ],
)
def test_what_may_not_be_read_is_refused_with_a_sentence_without_the_token(
    hub: HubServer, run_of: RunOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sent: str, said: str
) -> None:
    run = run_of()
    hub.tokens = {"hf_without_access", TOKEN}
    hub.model("a/b").gated, hub.model("a/b").readers = "manual", {TOKEN}
    monkeypatch.setenv("HF_TOKEN", sent)
    with caplog.at_level("DEBUG"), pytest.raises(CorruptModel) as caught:
        loaded(run)
    assert said.format(commit=run.digest[:12]) in str(caught.value)
    assert not sent or sent not in str(caught.value) + caplog.text
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with caplog.at_level("DEBUG"):
        loaded(run)
    assert TOKEN not in caplog.text


def test_without_the_hub_a_model_in_the_cache_is_loaded_and_one_that_is_not_there_is_refused(
    hub: HubServer, run_of: RunOf
) -> None:
    run = run_of()
    other = run_of({"README.md": b"another commit"})
    first = loaded(run)
    hub.close()
    again = loaded(run)
    assert all(torch.equal(again[name], first[name]) for name in first)
    with pytest.raises(Unreachable, match="the Hub cannot be reached, and not all of its files are on this machine"):
        loaded(other)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_hub_that_is_down_is_as_one_that_is_away(hub: HubServer, run_of: RunOf, status: int) -> None:
    run = run_of()
    hub.fault(path="a/b", status=status, times=99)
    with pytest.raises(Unreachable, match="the Hub cannot be reached"):
        loaded(run)


def test_a_full_disk_and_an_absent_hub_end_the_attempt_and_not_the_run(hub: HubServer, run_of: RunOf, tmp_path: Path) -> None:
    run, recording, store = run_of(), Recording(), Store(tmp_path / "store")

    def emit(_: str, event: Event) -> None:
        recording.emit(event)

    full = (
        Repository("model", "a/b", run.digest).cache
        / "blobs"
        / f"{sha256(hub.model('a/b').commits[run.digest][WEIGHTS])}.incomplete"
    )
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    assert train([run], store, emit, lambda _: False) == FAILED
    hub.close()
    assert train([run], store, emit, lambda _: False) == FAILED
    on_full_disk, without_hub = recording.of("failed")
    assert "the disk of its cache is full" in on_full_disk.error
    assert "the Hub cannot be reached" in without_hub.error
    assert (on_full_disk.passes, without_hub.passes) == (True, True)


def test_a_snapshot_without_its_weights_is_not_taken_for_a_model(hub: HubServer, run_of: RunOf) -> None:
    run = run_of()
    model_files.facts(run)  # which fetches the config alone
    hub.close()
    with pytest.raises(Unreachable, match="not all of its files are on this machine"):
        loaded(run)
