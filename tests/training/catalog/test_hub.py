"""Models on the Hub, asked over HTTP from a Hub on loopback: commits, tokens, the cache, and every way to be refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, errors
from pydantic import ValidationError

from tests.factories.hub_repositories import files_in
from tests.factories.hub_server import HubServer
from tests.factories.published_configs import PUBLISHED
from training import ExperimentSpec, Plan, catalog, make_plan
from training.catalog import hub_client
from training.catalog.ladders import LADDERS
from training.engine.models import model_files
from training.spec import describe

GPT2 = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_positions": 1024}
FILES = {"config.json": json.dumps(GPT2).encode(), "model.safetensors": b"", "tokenizer.json": b"{}"}
TOKEN = "hf_made_for_this_test"


def plan_of(model: str) -> Plan:
    return make_plan(ExperimentSpec.model_validate({"strong": {"models": [model]}, "seeds": 1}))


def digests(plan: Plan) -> set[str]:
    return {run.digest for run in plan.runs.values() if run.model.startswith("hub:")}


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the answers of the Hub that are kept for some minutes."""
    monkeypatch.setattr(catalog.hub, "_answers", {})


@pytest.mark.parametrize("name", LADDERS)
def test_every_model_of_a_ladder_is_found_under_its_id_with_the_shape_that_the_catalog_states(
    hub: HubServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, repository = LADDERS[name], hub.model(LADDERS[name].source)
    commit = repository.commit(FILES | {"config.json": json.dumps(PUBLISHED[name]).encode()})
    if entry.gated:
        repository.gated, repository.readers, hub.tokens = "manual", {TOKEN}, {TOKEN}
        with pytest.raises(ValueError, match="is gated: accept its licence on the Hub, and set HF_TOKEN"):
            catalog.model(name)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        forget(monkeypatch)
    assert catalog.model(name).digest == commit
    facts = catalog.hub.resolve(entry.source, "").facts
    assert (facts.kind, facts.layers, facts.width, facts.context) == (entry.kind, entry.layers, entry.width, entry.context)


@pytest.mark.parametrize("name", LADDERS)
def test_the_published_config_of_every_model_of_a_ladder_has_the_parameters_that_the_catalog_states(name: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

    loader = AutoModelForCausalLM if LADDERS[name].kind == "decoder" else AutoModel
    with torch.device("meta"):
        model = loader.from_config(AutoConfig.for_model(**PUBLISHED[name]))
    if LADDERS[name].kind == "vision":
        model.pooler = None  # that of a ViT is not in the published weights, and that of others has none
    assert sum(parameter.numel() for parameter in model.parameters()) == LADDERS[name].parameters


def test_a_model_that_has_moved_is_found_under_its_old_name(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.tokens, hub.moved = {TOKEN}, {"old/name": "new/name"}
    commit = hub.model("new/name").commit(FILES | {"model.safetensors": b"weights"})
    hub.model("new/name").gated, hub.model("new/name").readers = "auto", {TOKEN}
    (digest,) = digests(plan := plan_of("hub:old/name"))
    assert digest == commit
    folder = model_files.folder_of(next(run for run in plan.runs.values() if run.model == "hub:old/name"))
    assert (folder / "model.safetensors").read_bytes() == b"weights"


def test_any_model_is_described_by_its_config(hub: HubServer) -> None:
    repository = hub.model("someone/some-model")
    repository.card, repository.parameters = {"license": "mit"}, 124
    commit = repository.commit(FILES, "v1.0")
    entry = catalog.model("hub:someone/some-model@v1.0")
    assert (entry.title, entry.digest, entry.kind, entry.context) == ("some-model@v1.0", commit, "decoder", 1024)
    assert (entry.parameters, entry.licence) == (124, "mit")
    paths = [request.path.partition("?")[0] for request in hub.received(path="some-model")]
    assert paths[:2] == [
        "/api/models/someone/some-model/revision/v1.0",
        f"/someone/some-model/resolve/{commit}/config.json",
    ]
    assert all(commit in path for path in paths[1:])


def test_a_branch_is_its_commit_in_the_key_of_every_run_and_a_planned_run_stays_at_it(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hub.model("a/b").commit(FILES)
    before = plan_of("hub:a/b@main")
    assert digests(before) == {first}
    second = hub.model("a/b").commit(FILES | {"tokenizer.json": b"{ }"})
    forget(monkeypatch)
    after = plan_of("hub:a/b@main")
    assert digests(after) == {second}
    assert not {key for key, run in after.runs.items() if run.model.startswith("hub:")} & set(before.runs)
    run = next(run for run in before.runs.values() if run.model.startswith("hub:"))
    folder = model_files.folder_of(run)
    assert (folder.name, (folder / "tokenizer.json").read_bytes()) == (first, b"{}")


def test_the_token_comes_from_the_environment_and_from_nowhere_else(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("hf_of_another_program")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    hub.tokens = {TOKEN}
    hub.model("a/b").commit(FILES)
    catalog.model("hub:a/b")
    assert {request.token for request in hub.received(path="a/b")} == {None}
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    forget(monkeypatch)
    hub.requests.clear()
    catalog.model("hub:a/b")
    assert {request.token for request in hub.received(path="a/b")} == {f"Bearer {TOKEN}"}


def test_the_hub_is_asked_once_for_a_form_that_is_judged_often(hub: HubServer) -> None:
    hub.model("a/b").commit(FILES)
    catalog.model("hub:a/b")
    requests = len(hub.requests)
    catalog.model("hub:a/b")
    assert len(hub.requests) == requests


def test_a_refusal_is_not_kept_for_long(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.hub, "REFUSAL_SECONDS", 0.0)
    with pytest.raises(ValueError, match="There is no model “a/b” on the Hub"):
        catalog.model("hub:a/b")
    commit = hub.model("a/b").commit(FILES)
    assert catalog.model("hub:a/b").digest == commit


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("gated", "“a/b” at “v9” is gated: accept its licence on the Hub, and set HF_TOKEN"),
        ("private", "There is no model “a/b” on the Hub that HF_TOKEN, or nobody, may read."),
        ("no such revision", "“a/b” on the Hub has no revision “v9”."),
        (
            "invalid token",
            "The Hub does not let HF_TOKEN read “a/b” at “v9”: set HF_TOKEN to a valid token with access to it, or",
        ),
        ("disabled", "“a/b” at “v9” is disabled on the Hub."),
        ("busy", "The Hub has had too many requests (429), and takes the next one in 60 seconds. “a/b” is not on this machine."),
        ("down", "The Hub cannot be reached, and “a/b” is not on this machine."),
        ("silent", "The Hub cannot be reached, and “a/b” is not on this machine."),
        ("away", "The Hub cannot be reached, and “a/b” is not on this machine."),
        ("offline", "HF_HUB_OFFLINE is set and “a/b” is not on this machine."),
    ],
)
def test_whatever_the_hub_refuses_is_said_at_the_field(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str, said: str
) -> None:
    repository = hub.model("a/b")
    repository.commit(FILES, "main" if case == "no such revision" else "v9")
    repository.gated, repository.private = "auto" if case == "gated" else False, case == "private"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", case == "offline")
    match case:
        case "invalid token":
            monkeypatch.setenv("HF_TOKEN", TOKEN)
        case "disabled":
            hub.fault(status=403, headers={"X-Error-Message": "Access to this resource is disabled."}, path="a/b")
        case "busy":
            hub.fault(status=429, headers={"Retry-After": "60"}, path="a/b")
        case "down":
            hub.fault(status=503, path="a/b", times=9)
        case "silent":
            monkeypatch.setattr(catalog.hub, "TIMEOUT_SECONDS", 0.2)
            hub.fault(silent=True, path="/api/models")
        case "away":
            hub.close()
    with caplog.at_level("DEBUG"), pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate({"weak": {"models": ["hub:a/b@v9"]}})
    (problem,) = describe(caught.value.errors())
    assert problem.path == "weak.models"
    assert said in problem.message
    assert TOKEN not in problem.message + caplog.text
    assert len(hub.received(path="a/b")) <= 2


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_hub_that_falls_silent_at_the_config_does_not_keep_a_form_waiting_for_its_repetitions(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(catalog.hub, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    hub.model("a/b").commit(FILES)
    hub.fault(path="config.json", method=method, silent=True, times=99)
    with pytest.raises(ValueError, match="The Hub cannot be reached, and “a/b” is not on this machine"):
        catalog.model("hub:a/b")
    assert len(hub.received(path="config.json", method=method)) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model.safetensors": None, "pytorch_model.bin": b""}, "it has no model.safetensors"),
        ({"config.json": None}, "it has no config.json"),
        ({"tokenizer.json": None}, "it has no tokenizer"),
        ({"config.json": json.dumps(GPT2 | {"model_type": "own", "auto_map": {"AutoModel": "x.Y"}})}, "needs code of its own"),
        ({"config.json": '{"model_type": "whisper", "is_encoder_decoder": true}'}, "architecture (whisper) is not supported"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_its_weights_are_fetched(
    hub: HubServer, changes: dict[str, Any], said: str
) -> None:
    files = {name: content.encode() if isinstance(content, str) else content for name, content in (FILES | changes).items()}
    hub.model("a/b").commit({name: content for name, content in files.items() if content is not None})
    with pytest.raises(ValueError, match="cannot be used") as caught:
        catalog.model("hub:a/b")
    assert said in str(caught.value)
    assert hub.received("storage") == []


@pytest.mark.parametrize("name", ["hub:gpt2", "hub:", "hub:a/b/c"])
def test_an_id_needs_its_organisation(name: str) -> None:
    with pytest.raises(ValueError, match="write hub:ORG/NAME"):
        catalog.model(name)


@pytest.mark.parametrize("why", ["offline", "away", "busy"])
def test_a_model_on_this_machine_is_used_without_the_hub(
    hub: HubServer, why: str, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.model("a/b").commit(files_in(models["llama"]))
    model_files.folder_of(next(run for run in plan_of("hub:a/b").runs.values() if run.model == "hub:a/b"))
    hub.model("a/b").commit(FILES)
    forget(monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", why == "offline")
    hub.fault(path="a/b", status=429, times=9 if why == "busy" else 0)
    if why == "away":
        hub.close()
    entry = catalog.model("hub:a/b")
    assert (entry.digest, entry.family, entry.layers) == (commit, "llama", 2)


def test_a_model_of_which_only_the_config_is_on_this_machine_is_not_used_without_the_hub(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.model("a/b").commit(FILES)
    catalog.model("hub:a/b")
    forget(monkeypatch)
    hub.close()
    with pytest.raises(ValueError, match="The Hub cannot be reached, and the weights of “a/b” are not on this machine"):
        catalog.model("hub:a/b")


def test_no_request_begins_after_the_deadline(hub: HubServer) -> None:
    with hub_client.deadline(-1), pytest.raises(errors.OfflineModeIsEnabled):
        hub_client.connect().model_info("a/b")
    assert hub.received(path="a/b") == []
