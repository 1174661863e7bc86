"""Models on the Hub, which is faked at the edge of its client: commits, tokens, the cache, and every way to be refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants, errors
from pydantic import ValidationError

from training import ExperimentSpec, catalog, make_plan
from training.catalog import hub
from training.spec import describe

SHA = "c0ffee" + "0" * 34
GPT2 = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_positions": 1024}
FILES = ("config.json", "model.safetensors", "tokenizer.json")


class FakeHub:
    """A substitute for the client of the Hub; ``requests`` are the arguments of all calls."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.requests = folder, list[dict[str, Any]]()
        self.config: dict[str, Any] = GPT2
        self.files: tuple[str, ...] = FILES
        self.error: Exception | None = None
        self.cached: str | None = None

    def model_info(self, repository: str, **options: Any) -> Any:
        self.requests.append({"repository": repository, **options})
        if self.error:
            raise self.error
        files = [SimpleNamespace(rfilename=name) for name in self.files]
        card = SimpleNamespace(license="mit")
        return SimpleNamespace(sha=SHA, siblings=files, safetensors=SimpleNamespace(total=124), gated=False, card_data=card)

    def download(self, repository: str, name: str, **options: Any) -> str:
        self.requests.append({"file": name, **options})
        path = self.folder / name
        path.write_text(json.dumps(self.config))
        return str(path)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(tmp_path)
    monkeypatch.setattr(hub, "_answers", {})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def api(token: object) -> Any:
        return SimpleNamespace(model_info=lambda *args, **options: fake.model_info(*args, token=token, **options))

    monkeypatch.setattr(huggingface_hub, "HfApi", api)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake.download)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *args, **options: fake.cached)
    return fake


def response(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=httpx2.Request("GET", "https://huggingface.co"))


def test_a_name_of_a_ladder_gets_the_commit_as_its_digest(fake: FakeHub) -> None:
    entry = catalog.model("gpt2")
    assert (entry.name, entry.digest, entry.layers) == ("gpt2", SHA, 12)
    assert fake.requests[0]["repository"] == "openai-community/gpt2"


def test_any_model_is_described_by_its_config(fake: FakeHub) -> None:
    entry = catalog.model("hub:someone/some-model@v1.0")
    assert fake.requests[0] == {"repository": "someone/some-model", "revision": "v1.0", "token": False, "timeout": 5.0}
    assert fake.requests[1]["revision"] == SHA
    assert (entry.title, entry.digest, entry.kind, entry.context) == ("some-model@v1.0", SHA, "decoder", 1024)
    assert (entry.parameters, entry.licence) == (124, "mit")


def test_the_commit_is_in_the_key_of_every_run(fake: FakeHub) -> None:
    plan = make_plan(ExperimentSpec.model_validate({"strong": {"models": ["hub:someone/some-model"]}, "seeds": 1}))
    assert {run.digest for run in plan.runs.values() if run.model.startswith("hub:")} == {SHA}


def test_the_token_comes_from_the_environment_and_from_nowhere_else(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    catalog.model("gpt2")
    assert {question["token"] for question in fake.requests} == {"hf_secret"}


def test_the_hub_is_asked_once_for_a_form_that_is_judged_often(fake: FakeHub) -> None:
    for _ in range(3):
        catalog.model("gpt2")
    assert len(fake.requests) == 2


def test_a_refusal_is_not_kept_for_long(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.error = httpx2.ConnectError("no route")
    monkeypatch.setattr(hub, "REFUSAL_SECONDS", 0.0)
    with pytest.raises(ValueError, match="cannot be reached"):
        catalog.model("gpt2")
    fake.error = None
    assert catalog.model("gpt2").digest == SHA


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.GatedRepoError("gated", response=response(403)), "is gated: accept its licence on the Hub, and set HF_TOKEN"),
        (errors.RepositoryNotFoundError("no", response=response(404)), "There is no model “a/b” on the Hub"),
        (errors.RevisionNotFoundError("no", response=response(404)), "has no revision “v9”"),
        (httpx2.ConnectError("no route"), "The Hub cannot be reached, and “a/b” is not on this machine."),
        (httpx2.ReadTimeout("slow"), "The Hub cannot be reached"),
    ],
    ids=["gated", "missing", "no such revision", "unreachable", "too slow"],
)
def test_whatever_the_hub_refuses_is_said_at_the_field(fake: FakeHub, error: Exception, said: str) -> None:
    fake.error = error
    with pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate({"weak": {"models": ["hub:a/b@v9"]}})
    (problem,) = describe(caught.value.errors())
    assert problem.path == "weak.models"
    assert said in problem.message


@pytest.mark.parametrize(
    ("files", "config", "said"),
    [
        (("config.json", "pytorch_model.bin", "tokenizer.json"), GPT2, "it has no model.safetensors"),
        (("model.safetensors", "tokenizer.json"), GPT2, "it has no config.json"),
        (("config.json", "model.safetensors"), GPT2, "it has no tokenizer"),
        (FILES, GPT2 | {"model_type": "its_own", "auto_map": {"AutoModel": "x.Y"}}, "needs code of its own"),
        (FILES, {"model_type": "whisper", "is_encoder_decoder": True}, "architecture (whisper) is not supported"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_anything_is_fetched(
    fake: FakeHub, files: tuple[str, ...], config: dict[str, Any], said: str
) -> None:
    fake.files, fake.config = files, config
    with pytest.raises(ValueError, match="cannot be used") as caught:
        catalog.model("hub:a/b")
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["hub:gpt2", "hub:", "hub:a/b/c"])
def test_an_id_needs_its_organisation(name: str) -> None:
    with pytest.raises(ValueError, match="write hub:ORG/NAME"):
        catalog.model(name)


@pytest.mark.parametrize("why", ["offline", "unreachable"])
def test_a_snapshot_on_this_machine_is_used_without_the_hub(
    fake: FakeHub, why: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / SHA
    snapshot.symlink_to(models["llama"])
    fake.cached = str(snapshot / "config.json")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", why == "offline")
    fake.error = httpx2.ConnectError("no route")
    entry = catalog.model("hub:someone/tiny-llama")
    assert (entry.digest, entry.family, entry.layers) == (SHA, "llama", 2)
    assert bool(fake.requests) == (why == "unreachable")


def test_offline_without_a_snapshot_is_said(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE is set and “openai-community/gpt2” is not on this machine"):
        catalog.model("gpt2")
