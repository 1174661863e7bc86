from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.factories.runs import make_run, plan_with
from training import RunSpec
from training.engine.models import backbone, packing
from training.engine.models.backbone import pooled

ARCHITECTURES = ("llama", "gpt2", "bert", "minilm")
IDS = torch.tensor([[5, 9, 2, 0], [7, 0, 0, 0], [3, 4, 5, 6]])
MASK = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])


def a_run(models: dict[str, Path], architecture: str) -> RunSpec:
    if architecture == "minilm":
        return make_run("ceiling", model="minilm-l2", adaptation="full")
    plan = plan_with("bag-of-words", str(models[architecture]), tuning="full")
    return plan.runs[plan.triplets[0].ceiling]


def outcome(run: RunSpec, packed: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the output of a transformer and the gradients of its weights."""
    transformer: Any = backbone.load(run)
    assert transformer.config._attn_implementation == packing.NAME
    if not packed:
        transformer.set_attn_implementation("eager")
    states = pooled(transformer, IDS, MASK, backbone.shape(run).reading)
    torch.autograd.backward(states.sin().sum())
    return states.detach(), {name: weight.grad for name, weight in transformer.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packed_texts_give_the_values_and_gradients_of_padded_ones(models: dict[str, Path], architecture: str) -> None:
    run = a_run(models, architecture)
    (packed, gradients), (expected, others) = outcome(run, packed=True), outcome(run, packed=False)
    torch.testing.assert_close(packed, expected, atol=1e-5, rtol=1e-4)
    assert gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, others[name], atol=1e-5, rtol=1e-4)


def test_linear_layers_see_no_padding(models: dict[str, Path]) -> None:
    run = a_run(models, "minilm")
    transformer = backbone.load(run)
    seen = set()
    for module in transformer.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _, inputs, __: seen.add(inputs[0].shape[:-1].numel()))
    pooled(transformer, IDS, MASK, "mean")
    assert seen == {int(MASK.sum())}


def test_on_another_device_nothing_is_packed(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        device = torch.device("meta")

    monkeypatch.setattr(packing, "Accelerator", Elsewhere)
    transformer: Any = backbone.load(a_run(models, "bert"))
    assert transformer.config._attn_implementation != packing.NAME
