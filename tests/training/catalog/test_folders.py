"""Local models: what is read of a folder, and each way in which one cannot be used."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from training import ExperimentSpec, catalog
from training.catalog import folders, local
from training.planning.plan import make_plan
from training.spec import describe, upgrade, warnings


@pytest.fixture
def copy(models: dict[str, Path], tmp_path: Path) -> Path:
    """A decoder in a folder that may be changed."""
    return Path(shutil.copytree(models["llama"], tmp_path / "tiny-llama"))


def change(copy: Path, **config: object) -> None:
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))


def refusal(name: str) -> str:
    """The one problem with a strong model of that name, which is said at its field."""
    with pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate({"strong": {"models": [name]}})
    (problem,) = describe(caught.value.errors())
    assert problem.path == "strong.models"
    return problem.message


@pytest.mark.parametrize(("architecture", "kind"), [("llama", "decoder"), ("gpt2", "decoder"), ("bert", "encoder")])
def test_a_folder_says_what_it_holds(models: dict[str, Path], architecture: str, kind: str) -> None:
    entry = catalog.model(str(models[architecture]))
    assert (entry.name, entry.title, entry.family) == (f"local:{architecture}@{entry.digest[:16]}", architecture, architecture)
    assert (entry.kind, entry.layers, entry.width, entry.context) == (kind, 2, 32, 128)
    assert {entry.adaptation("probe"), entry.adaptation("full"), entry.adaptation("lora")} <= set(entry.learning_rates)


def test_the_number_of_parameters_is_that_of_the_files(models: dict[str, Path]) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(models["llama"])
    assert catalog.model(str(models["llama"])).parameters == sum(tensor.numel() for tensor in model.parameters())


def test_three_ways_to_write_a_folder_are_one_model(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(models["llama"].parent)
    names = {catalog.model(name).name for name in ("local:llama", f"local:{models['llama']}", f"{models['llama']}/")}
    (name,) = names
    assert re.fullmatch("local:llama@[0-9a-f]{16}", name)
    with pytest.raises(ValidationError, match="named twice"):
        ExperimentSpec.model_validate({"strong": {"models": ["local:llama", str(models["llama"])]}})


def test_a_model_keeps_its_name_and_its_place_is_known_from_then_on(copy: Path) -> None:
    spec = ExperimentSpec.model_validate({"strong": {"models": [str(copy)]}})
    (name,) = spec.strong.models
    assert str(copy) not in spec.model_dump_json()
    assert ExperimentSpec.model_validate_json(spec.model_dump_json()) == spec
    assert catalog.local_folder(name) == copy
    assert all(str(copy.parent) not in run.model_dump_json() for run in make_plan(spec).runs.values())


def test_a_model_that_moved_is_found_again_by_naming_its_new_folder(copy: Path) -> None:
    name = catalog.model(str(copy)).name
    moved = copy.rename(copy.parent / "elsewhere")
    assert refusal(name) == local.NOT_READABLE
    again = catalog.model(str(moved))
    assert again.name.rpartition("@")[2] == name.rpartition("@")[2]
    assert catalog.model(name).digest == again.digest


def test_a_model_whose_files_changed_is_not_what_its_name_says(copy: Path) -> None:
    name = catalog.model(str(copy)).name
    change(copy, initializer_range=0.5)
    assert "have changed: name its folder again" in refusal(name)


def test_a_model_of_another_installation_has_to_be_named_by_its_folder() -> None:
    assert "not known here: name its folder" in refusal("local:tiny@0123456789abcdef")


def test_outside_the_allowed_folders_one_sentence_is_said_of_everything(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    for folder in (allowed, outside / "empty"):
        folder.mkdir(parents=True)
    shutil.copytree(copy, outside / "model")
    inside = Path(shutil.copytree(copy, allowed / "model"))
    (allowed / "link").symlink_to(outside / "model")
    shutil.copytree(copy, allowed / "half")
    (allowed / "half" / "model.safetensors").unlink()
    (allowed / "half" / "model.safetensors").symlink_to(outside / "model" / "model.safetensors")
    recorded = catalog.model(str(outside / "model")).name
    monkeypatch.setenv("LOCAL_MODELS", os.pathsep.join((str(tmp_path / "other"), str(allowed))))
    strange = ["model", "empty", "nothing", "model/config.json", "../allowed/../outside/model", "l" * 300]
    names = [f"local:{outside}/{path}" for path in strange]
    names += ["local:/", "/etc", "local:~nobody-here/x", str(allowed / "link"), str(allowed / "half")]
    assert {refusal(name) for name in names} == {local.NOT_READABLE}
    assert catalog.model(str(inside)).name == recorded
    local.record(outside / "model", catalog.model(str(inside)).digest)
    assert refusal(recorded) == local.NOT_READABLE


def test_without_allowed_folders_too_nobody_learns_what_is_in_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "file").touch()
    names = ["secret", "file", "nothing", "file/below", "l" * 300]
    assert {refusal(f"local:{tmp_path}/{name}") for name in names} == {local.NOT_READABLE}


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_whatever_decides_what_the_model_computes_is_in_the_digest(copy: Path, file: str) -> None:
    before = catalog.model(str(copy)).digest
    (copy / "README.md").write_text("A model card decides nothing.")
    assert catalog.model(str(copy)).digest == before
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[:-1] + b"\x01" if file == "model.safetensors" else content + b" ")
    assert catalog.model(str(copy)).digest != before


def test_a_file_that_did_not_change_is_read_once(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folders.digest(copy)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert folders.digest(copy) == before


def remove(name: str) -> Callable[[Path], None]:
    return lambda copy: (copy / name).unlink()


def rename_weights(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")


def lose_a_shard(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')


def cut_short(copy: Path) -> None:
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, local.NOT_READABLE),
        (remove("config.json"), local.NOT_READABLE),
        (lambda copy: (copy / "config.json").write_text("{"), "config.json cannot be read"),
        (rename_weights, "no model.safetensors, and weights in other formats are never read"),
        (lose_a_shard, "model-00001-of-00002.safetensors, which model.safetensors.index.json names, is missing"),
        (cut_short, "cut short or damaged"),
        (lambda copy: (copy / "model.safetensors").write_bytes(b"nonsense"), "not a safetensors file"),
        (remove("tokenizer.json"), "it has no tokenizer"),
        (
            lambda copy: change(copy, model_type="its_own", auto_map={"AutoModel": "code.Model"}),
            "code from model folders is never run",
        ),
        (lambda copy: change(copy, quantization_config={"bits": 4}), "quantised"),
        (lambda copy: change(copy, model_type="t5", is_encoder_decoder=True), "architecture (t5) is not supported"),
        (lambda copy: change(copy, model_type="swin", architectures=["SwinModel"]), "architecture (swin) is not supported"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_field_in_one_sentence(
    copy: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(copy)
    message = refusal(str(copy))
    assert said in message
    assert message == local.NOT_READABLE or message.startswith("The model tiny-llama cannot be used: ")
    assert "\n" not in message


def test_roberta_keeps_two_of_its_positions_for_itself() -> None:
    config = {
        "model_type": "roberta",
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "max_position_embeddings": 514,
        "pad_token_id": 1,
    }
    assert folders.facts(config).context == 512


def test_texts_longer_than_the_model_reads_are_refused_at_their_field(models: dict[str, Path]) -> None:
    with pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate({"weak": {"models": [str(models["gpt2"])], "max_tokens": 129}})
    (problem,) = describe(caught.value.errors())
    assert (problem.path, problem.message) == ("weak.max_tokens", "gpt2 reads at most 128 tokens.")


def test_a_stored_experiment_is_read_when_its_model_is_gone(copy: Path) -> None:
    spec = ExperimentSpec.model_validate({"strong": {"models": [str(copy)]}})
    shutil.rmtree(copy)
    assert upgrade(spec.model_dump(mode="json")) == spec
    catalog._resolved.clear()  # as in a process that never saw it
    assert not any(problem.path == "strong.models" for problem in warnings(spec))
