"""Log-odds and costs of tokens are those of transformers' own language model, whatever it does with its last states."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch.nn import functional

from tests.factories.models import make_model
from training import ExperimentSpec, Plan, RunSpec, make_plan
from training.engine.errors import CorruptModel
from training.engine.models import backbone, classifiers

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
}
GROUPED = {**SMALL, "num_key_value_heads": 1}
OPT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 64, "max_position_embeddings": 128}
GPTJ = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128, "rotary_dim": 8}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", GROUPED),
    "tied": ("Qwen2", {**GROUPED, "tie_word_embeddings": True}),
    "pythia": ("GPTNeoX", SMALL),
    "cohere": ("Cohere", {**GROUPED, "logit_scale": 0.0625}),
    "granite": ("Granite", {**GROUPED, "logits_scaling": 8.0}),
    "gemma2": ("Gemma2", {**GROUPED, "head_dim": 16, "final_logit_softcapping": 0.3, "query_pre_attn_scalar": 16}),
    "gemma2-30": ("Gemma2", {**GROUPED, "head_dim": 16, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 16}),
    "falcon-h1": (
        "FalconH1",
        {**GROUPED, "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 4, "lm_head_multiplier": 0.1},
    ),
    "phi": ("Phi", SMALL),
    "gptj": ("GPTJ", GPTJ),
    "codegen": ("CodeGen", {**GPTJ, "n_head": 4, "rotary_dim": 4}),
    "opt": ("OPT", OPT),
    "opt-projected": (
        "OPT",
        {**OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False},
    ),
    "mpt": ("Mpt", {"d_model": 32, "n_heads": 2, "n_layers": 2, "max_seq_len": 128}),
    "bloom": ("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 2}),
}
CAPPED = {"gemma2", "gemma2-30"}

Make = Callable[[str], Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The folder of a tiny model of a family, with the tokenizer of the tiny Llama and biases that count."""
    made: dict[str, Path] = {}

    def build(family: str) -> Path:
        if family not in made:
            folder = make_model(tmp_path_factory.mktemp(family), "llama")
            size = len(transformers.AutoTokenizer.from_pretrained(folder))
            prefix, settings = FAMILIES[family]
            torch.manual_seed(1)
            config = getattr(transformers, f"{prefix}Config")(vocab_size=size, **settings)
            model = transformers.AutoModelForCausalLM.from_config(config)
            output = model.get_output_embeddings()
            if output.bias is not None:
                torch.nn.init.normal_(output.bias, std=2)
            model.save_pretrained(folder)
            made[family] = folder
        return made[family]

    return build


def plan_of(folder: Path, **strong: Any) -> Plan:
    little = {"epochs": 1, "batch_size": 8, "max_tokens": 24}
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "clear-reviews", "limit": 64},
                "weak": {"models": ["bag-of-words"], "epochs": 1},
                "strong": {"models": [str(folder)], "tuning": "full", **little, **strong},
                "methods": [{"kind": "naive"}],
                "seeds": 1,
            }
        )
    )


def ceiling_of(plan: Plan) -> RunSpec:
    return plan.runs[plan.triplets[0].ceiling]


IDS, MASK = torch.tensor([[9, 12, 30, 7, 44, 101, 2, 3]]), torch.ones(1, 8)


def own_logits(folder: Path) -> torch.Tensor:
    """(tokens, vocabulary), by transformers."""
    with torch.no_grad():
        actual: torch.Tensor = transformers.AutoModelForCausalLM.from_pretrained(folder)(input_ids=IDS).logits[0].float()
    return actual


def words_of(run: RunSpec, classes: int) -> list[int]:
    return [backbone.tokenizer(run).encode(str(word), add_special_tokens=False).ids[-1] for word in range(classes)]


@pytest.mark.parametrize("family", FAMILIES)
def test_log_odds_of_the_words_are_the_models_own(make: Make, family: str) -> None:
    run = ceiling_of(plan_of(make(family)))
    zero, first = words_of(run, 2)
    with torch.no_grad():
        states = backbone.pooled(backbone.load(run), IDS, MASK, "last")
        actual = states @ backbone.directions(run, 2).T
    logits = own_logits(make(family))[-1]
    assert actual.shape == (1, 1)
    assert actual.item() == pytest.approx((logits[first] - logits[zero]).item(), abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_text_costs_is_what_the_model_says(make: Make, family: str) -> None:
    run = next(planned for planned in plan_of(make(family), text_epochs=1).runs.values() if planned.reads)
    with torch.no_grad():
        actual = classifiers.build(run)(IDS, MASK).item()
    expected = functional.cross_entropy(own_logits(make(family))[:-1], IDS[0, 1:]).item()
    assert actual == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - CAPPED))
def test_a_head_that_starts_at_the_unembedding_says_what_the_model_says(make: Make, family: str) -> None:
    run = ceiling_of(plan_of(make(family), head_start="unembedding"))
    with torch.no_grad():
        actual = classifiers.build(run)(IDS, MASK).item()
    zero, first = words_of(run, 2)
    logits = own_logits(make(family))[-1]
    assert actual == pytest.approx((logits[first] - logits[zero]).item(), abs=1e-4)


@pytest.mark.parametrize("family", sorted(CAPPED))
def test_no_head_starts_at_capped_logits(make: Make, family: str) -> None:
    with pytest.raises(ValueError, match="caps its logits"):
        plan_of(make(family), head_start="unembedding")
    run = ceiling_of(plan_of(make(family)))
    with pytest.raises(CorruptModel, match="start its head at zero"):
        classifiers.build(run.model_copy(update={"head_start": "unembedding"}))


@pytest.mark.parametrize("family", ["phi", "cohere", "pythia"])
def test_a_text_s_cost_has_a_gradient_for_the_whole_model(make: Make, family: str) -> None:
    run = next(planned for planned in plan_of(make(family), text_epochs=1).runs.values() if planned.reads)
    reader = classifiers.build(run)
    assert isinstance(reader, classifiers.LanguageModel)
    reader(IDS, MASK).sum().backward()
    whole = transformers.AutoModelForCausalLM.from_pretrained(make(family))
    loss = functional.cross_entropy(whole(input_ids=IDS).logits[0].float()[:-1], IDS[0, 1:])
    loss.backward()  # type: ignore[no-untyped-call]
    output: torch.nn.Linear = whole.get_output_embeddings()
    torch.testing.assert_close(reader.head.linear.weight.grad, output.weight.grad, atol=1e-5, rtol=1e-3)


def test_a_model_whose_logits_are_no_function_of_its_states_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    own = transformers.LlamaForCausalLM.forward

    def shifted(self: Any, input_ids: torch.Tensor | None = None, **rest: Any) -> Any:
        output = own(self, input_ids=input_ids, **rest)
        output.logits = output.logits + (0 if input_ids is None else input_ids[..., None])
        return output

    monkeypatch.setattr(transformers.LlamaForCausalLM, "forward", shifted)
    with pytest.raises(CorruptModel, match="not a function of its last states"):
        backbone.directions(ceiling_of(plan_of(make("llama"))), 2)
