"""Low-rank additions: what is trained, what is kept, and that nothing else changes."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.factories.runs import Recording, finish, plan_with
from training import RunSpec, Store, execute
from training.engine import checkpoint
from training.engine.models import backbone
from training.engine.models.classifiers import build


@pytest.fixture(params=["llama", "gpt2", "bert"])
def run(models: dict[str, Path], request: pytest.FixtureRequest) -> RunSpec:
    plan = plan_with("bag-of-words", str(models[request.param]), tuning="lora", lora_rank=4, lora_alpha=8)
    return plan.runs[plan.triplets[0].ceiling]


def test_only_the_additions_and_the_head_are_trained(run: RunSpec) -> None:
    trained = {name for name, parameter in build(run).named_parameters() if parameter.requires_grad}
    assert all("lora_" in name or name.startswith("head.") for name in trained)
    assert sum("lora_A" in name for name in trained) >= 8  # at least four linear layers in each of two blocks


def test_the_additions_start_at_nothing_and_where_they_start_depends_on_the_seed_alone(run: RunSpec) -> None:
    ids, mask = torch.tensor([[2, 3, 4]]), torch.ones(1, 3)
    reading = backbone.shape(run).reading
    model = build(run)
    with torch.no_grad():
        plain = backbone.pooled(backbone.load(run), ids, mask, reading)
        torch.testing.assert_close(backbone.pooled(model.get_submodule("backbone"), ids, mask, reading), plain)
    torch.rand(7)  # whatever else was drawn before
    same, other = build(run), build(run.model_copy(update={"seed": 1}))
    name = next(name for name, _ in model.named_parameters() if "lora_A" in name)
    assert torch.equal(model.get_parameter(name), same.get_parameter(name))
    assert not torch.equal(model.get_parameter(name), other.get_parameter(name))


def test_weights_and_checkpoints_hold_the_additions_and_not_the_backbone(run: RunSpec, tmp_path: Path) -> None:
    store, recording = Store(tmp_path), Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 3)
    execute(run, store, recording.emit, lambda: recording.stop)
    saved = checkpoint.load(store.checkpoint(run.key()))
    assert saved
    finish(run, store)
    weights = load_file(store.weights(run.key()))
    assert weights.keys() == saved["model"].keys()
    assert all("lora_" in name or name.startswith("head.") for name in weights)
    assert any(tensor.abs().sum() > 0 for name, tensor in weights.items() if "lora_B" in name)


def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(run: RunSpec, tmp_path: Path) -> None:
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    finish(run, whole)
    recording = Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 5)
    execute(run, parts, recording.emit, lambda: recording.stop)
    assert finish(run, parts).of("started")[0].resumed_from == 5
    assert parts.read_predictions(run.key()).prob.tobytes() == whole.read_predictions(run.key()).prob.tobytes()
