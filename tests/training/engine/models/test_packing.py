from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.factories.runs import make_run, plan_with
from training import RunSpec
from training.engine.models import backbone, packing
from training.engine.models.backbone import pooled

ARCHITECTURES = ("llama", "gpt2", "bert", "bert, cls", "minilm")
LENGTHS = (3, 1, 4, 20, 21)
IDS = torch.arange(5 * 21).view(5, 21) % 89 + 2
MASK = (torch.arange(21) < torch.tensor(LENGTHS)[:, None]).float()


def a_run(models: dict[str, Path], architecture: str) -> RunSpec:
    if architecture == "minilm":
        return make_run("ceiling", model="minilm-l2", adaptation="full")
    name, _, reading = architecture.partition(", ")
    plan = plan_with("bag-of-words", str(models[name]), tuning="full", **({"pooling": reading} if reading else {}))
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


def rows_seen(module: Any, run: RunSpec) -> set[int]:
    """Return the numbers of rows that the linear layers of a module of the run's transformer compute for the texts."""
    transformer: Any = backbone.load(run)
    seen = set()
    for linear in transformer.get_submodule(module).modules():
        if hasattr(linear, "weight") and linear.weight.dim() == 2:
            linear.register_forward_hook(lambda _, inputs, __: seen.add(inputs[0].shape[:-1].numel()))
    pooled(transformer, IDS, MASK, backbone.shape(run).reading)
    return seen


def test_linear_layers_see_no_padding_but_for_a_round_number_of_tokens(models: dict[str, Path]) -> None:
    assert sum(LENGTHS) == 49
    assert rows_seen("encoder", a_run(models, "minilm")) == {2 * packing.ROUNDING}


@pytest.mark.parametrize(
    ("architecture", "part"), [("gpt2", "h.1.mlp"), ("llama", "layers.1.mlp"), ("bert, cls", "encoder.layer.1.output")]
)
def test_the_last_layer_is_computed_for_the_tokens_only_that_are_read(
    models: dict[str, Path], architecture: str, part: str
) -> None:
    run = a_run(models, architecture)
    assert rows_seen(part, run) == {len(LENGTHS)}
    assert rows_seen(part.replace("1", "0"), run) == {2 * packing.ROUNDING}


def test_texts_of_a_bucket_are_filled_up_to_a_round_length() -> None:
    buckets = packing.Packing.of(MASK).buckets
    assert {bucket.longest % packing.BUCKET_ROUNDING for bucket in buckets} == {0}
    assert sum(bucket.tokens for bucket in buckets) == sum(LENGTHS)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_fused_modules_give_the_states_of_those_that_transformers_has(models: dict[str, Path], architecture: str) -> None:
    from transformers import AutoModel

    run = a_run(models, architecture)
    plain = AutoModel.from_pretrained(models[architecture], attn_implementation="eager").eval()
    fused: Any = backbone.load(run)
    kinds = {type(module).__name__ for module in fused.modules()}
    assert kinds.isdisjoint({"NewGELUActivation", "LlamaRMSNorm"})
    with torch.no_grad():
        expected = plain(input_ids=IDS[4:], attention_mask=MASK[4:]).last_hidden_state[:, -1]
        torch.testing.assert_close(pooled(fused, IDS[4:], MASK[4:], "last"), expected, atol=1e-5, rtol=1e-4)


def test_on_another_device_nothing_is_packed(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        device = torch.device("meta")

    monkeypatch.setattr(packing, "Accelerator", Elsewhere)
    transformer: Any = backbone.load(a_run(models, "bert"))
    assert transformer.config._attn_implementation != packing.NAME
