"""Models of the Hub, downloaded over HTTP from a Hub on loopback: whole, cut off, refused, stopped, and found in the cache."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.factories.hub_repositories import files_in, sha256
from tests.factories.hub_server import HubServer
from tests.factories.runs import Recording
from training import RunSpec
from training.engine import hub_download
from training.engine.errors import CorruptModel, EngineError, Stopped, Unreachable
from training.engine.hub_download import Repository
from training.engine.models import backbone, model_files

WEIGHTS = "model.safetensors"
TOKEN = "hf_made_for_this_test"
RunOf = Callable[..., RunSpec]


def loaded(run: RunSpec) -> dict[str, torch.Tensor]:
    return backbone.load(run).state_dict()


def assert_equal(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert state.keys() == other.keys()
    assert all(torch.equal(state[name], other[name]) for name in state)


def flipped(content: bytes) -> bytes:
    """The content with another first bit."""
    return bytes([content[0] ^ 1]) + content[1:]


def parts(cache: Path) -> list[Path]:
    return sorted(cache.glob("**/*.incomplete"))


def test_weights_come_from_the_storage_to_which_the_hub_redirects_and_the_token_stays_with_the_hub(
    hub: HubServer, run_of: RunOf, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.tokens = {TOKEN}
    run = run_of()
    folder = model_files.folder_of(run)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name: content for name, content in files_in(models["llama"]).items() if name in {path.name for path in folder.iterdir()}
    }
    assert {WEIGHTS, "config.json", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    (stored,) = hub.received("storage")
    assert stored.token is None
    about_it = [request for request in hub.received("hub") if "a/b" in request.path]
    assert {request.token for request in about_it} == {f"Bearer {TOKEN}"}
    assert all(run.digest in request.path for request in about_it)


def test_a_model_in_the_cache_needs_no_request(hub: HubServer, run_of: RunOf) -> None:
    run = run_of()
    first = loaded(run)
    hub.requests.clear()
    assert_equal(loaded(run), first)
    assert hub.requests == []


def test_weights_that_a_new_commit_leaves_as_they_are_are_not_downloaded_again(hub: HubServer, run_of: RunOf) -> None:
    loaded(run_of())
    loaded(run_of({"README.md": b"new", "tokenizer_config.json": b"{}"}))
    assert len(hub.received("storage", "GET")) == 1


@pytest.mark.parametrize("wrong", ["the index names one that is not there", "none"])
def test_a_model_of_several_shards_equals_that_of_one_file(
    hub: HubServer, run_of: RunOf, models: dict[str, Path], tmp_path: Path, wrong: str
) -> None:
    tensors = load_file(models["llama"] / WEIGHTS)
    index: dict[str, str] = {}
    for number, names in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2]), 1):
        shard = f"model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in names}, tmp_path / shard, metadata={"format": "pt"})
        index |= dict.fromkeys(names, shard)
    shards = {path.name: path.read_bytes() for path in tmp_path.glob("*.safetensors")}
    shards["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": index}).encode()
    if wrong != "none":
        del shards["model-00002-of-00002.safetensors"]
        with pytest.raises(CorruptModel, match=r"model-00002-of-00002\.safetensors, which .* names, is missing"):
            loaded(run_of(shards, without=WEIGHTS))
        return
    assert_equal(loaded(run_of(shards, without=WEIGHTS)), loaded(run_of()))
    assert len(hub.received("storage", "GET")) == 3


def test_a_connection_cut_at_half_a_file_is_made_anew_for_the_rest(
    hub: HubServer, run_of: RunOf, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_download, "PAUSE_SECONDS", 0)
    half = (models["llama"] / WEIGHTS).stat().st_size // 2
    hub.fault(server="storage", after=half)
    folder = model_files.folder_of(run_of())
    assert (folder / WEIGHTS).read_bytes() == (models["llama"] / WEIGHTS).read_bytes()
    assert [request.headers.get("Range") for request in hub.received("storage")] == [None, f"bytes={half}-"]
    assert parts(folder.parents[2]) == []


def test_a_storage_that_sends_the_whole_file_again_spoils_nothing(
    hub: HubServer, run_of: RunOf, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_download, "PAUSE_SECONDS", 0)
    hub.fault(server="storage", after=20_000)
    hub.fault(server="storage", ranges=False)
    folder = model_files.folder_of(run_of())
    assert (folder / WEIGHTS).read_bytes() == (models["llama"] / WEIGHTS).read_bytes()
    assert len(hub.received("storage")) == 2


def test_a_connection_that_is_cut_again_and_again_is_given_up_and_the_part_is_kept(
    hub: HubServer, run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_download, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(hub_download, "ATTEMPTS", 3)
    run = run_of()
    hub.fault(server="storage", after=1000)
    hub.fault(server="storage", after=0, times=99)
    with pytest.raises(Unreachable, match="the Hub cannot be reached, and not all of its files are on this machine"):
        loaded(run)
    assert len(hub.received("storage")) == 4
    (part,) = parts(Repository("model", "a/b", run.digest).cache)
    assert part.stat().st_size == 1000


def test_a_storage_that_answers_without_content_is_given_up(
    hub: HubServer, run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_download, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(hub_download, "ATTEMPTS", 3)
    run = run_of()
    hub.fault(server="storage", status=200, times=9)
    with pytest.raises(Unreachable):
        loaded(run)
    assert len(hub.received("storage")) == 3


def test_content_with_another_hash_than_the_hub_states_is_never_used(hub: HubServer, run_of: RunOf) -> None:
    run = run_of()
    spoiled = hub.fault(server="storage", content=flipped)
    right = loaded(run)
    assert spoiled.times == 0
    assert len(hub.received("storage")) == 2
    other = run_of({WEIGHTS: b"something else"})
    hub.fault(server="storage", times=9, content=flipped)
    with pytest.raises(EngineError, match=r"model\.safetensors of “a/b” arrives with another content"):
        loaded(other)
    assert not list(Repository("model", "a/b", run.digest).cache.glob(f"blobs/{sha256(b'something else')}*"))
    assert_equal(loaded(run), right)


def test_a_file_of_the_cache_that_was_cut_short_is_downloaded_again(hub: HubServer, run_of: RunOf) -> None:
    run = run_of()
    right = loaded(run)
    blob = (model_files.folder_of(run) / WEIGHTS).resolve()
    short = blob.read_bytes()[:-100]
    blob.unlink()  # rather than written into, as the tensors are mapped from it
    blob.write_bytes(short)
    assert_equal(loaded(run), right)


def test_a_stop_ends_a_download_at_once_and_the_next_attempt_continues_it(
    hub: HubServer, run_of: RunOf, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_download, "EVERY_SECONDS", 0)
    monkeypatch.setattr(hub_download, "SILENCE_SECONDS", 0.2)
    run, size = run_of(), (models["llama"] / WEIGHTS).stat().st_size
    stuck = hub.fault(server="storage", after=30_000, cuts=False)
    recording, stop = Recording(), threading.Event()
    with pytest.raises(Stopped), model_files.watched(recording.emit, lambda: stop.is_set() or stuck.waiting.is_set()):
        model_files.folder_of(run)
    stuck.goes_on.set()
    assert recording.of("progress")[0].model_dump() == {
        "kind": "progress",
        "phase": "downloading model",
        "done": 0,
        "total": size,
    }
    monkeypatch.setattr(hub_download, "EVERY_SECONDS", 0.25)
    (part,) = parts(Repository("model", "a/b", run.digest).cache)
    had = part.stat().st_size
    assert 0 < had <= 30_000
    with model_files.watched(recording.emit, lambda: False):
        folder = model_files.folder_of(run)
    assert (folder / WEIGHTS).read_bytes() == (models["llama"] / WEIGHTS).read_bytes()
    assert hub.received("storage")[-1].headers["Range"] == f"bytes={had}-"
    assert [(event.phase, event.done) for event in recording.of("progress")[-2:]] == [
        ("downloading model", size),
        ("starting", 0),
    ]


def test_two_processes_download_a_file_once(hub: HubServer, run_of: RunOf) -> None:
    run = run_of()
    with ThreadPoolExecutor(2) as pool:
        folders = set(pool.map(model_files.folder_of, [run, run]))
    assert len(folders) == 1
    assert len(hub.received("storage", "GET")) == 1
