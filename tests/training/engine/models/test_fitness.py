"""Models are tried when they are loaded, and what they cannot do is refused when an experiment is planned."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.factories.models import make_model
from tests.factories.runs import finish
from training import ExperimentSpec, Plan, RunSpec, Store, make_plan
from training.catalog import architectures, folders
from training.engine.data.tokens import cached_word_pieces
from training.engine.errors import CorruptModel, EngineError
from training.engine.models import backbone, fitness
from training.engine.models import classifiers as engine_models

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
}
OPT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 64, "max_position_embeddings": 128}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    def build(kind: str, prefix: str = "", task: str = "ForMaskedLM", **settings: Any) -> Path:
        folder = make_model(tmp_path / "model", kind)
        if prefix:
            size = len(transformers.AutoTokenizer.from_pretrained(folder))
            config = getattr(transformers, f"{prefix}Config")(**{"vocab_size": size, **settings})
            getattr(transformers, f"{prefix}{task}")(config).save_pretrained(folder)
        return folder

    return build


def change(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    content = json.loads((folder / name).read_text())
    edit(content)
    (folder / name).write_text(json.dumps(content))


def plan_of(folder: Path, tuning: str = "probe", **strong: Any) -> Plan:
    little = {"epochs": 1, "batch_size": 8, "max_tokens": 24}
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "clear-reviews", "limit": 64},
                "weak": {"models": ["bag-of-words"], "epochs": 1},
                "strong": {"models": [str(folder)], "tuning": tuning, **little, **strong},
                "methods": [{"kind": "naive"}],
                "seeds": 1,
            }
        )
    )


def ceiling_of(plan: Plan) -> RunSpec:
    return plan.runs[plan.triplets[0].ceiling]


@pytest.mark.parametrize("architecture", ["fnet", "convbert", "funnel", "squeezebert", "big_bird", "reformer"])
def test_architectures_that_read_padding_are_refused_when_planned(architecture: str) -> None:
    config = {"model_type": architecture, "architectures": ["XForMaskedLM"], "hidden_size": 32, "num_hidden_layers": 2}
    with pytest.raises(ValueError, match=rf"its architecture \({architecture}\) is not supported"):
        folders.facts(config)


@pytest.mark.parametrize(
    ("prefix", "settings"),
    [
        ("FNet", SMALL),
        ("ConvBert", {**SMALL, "embedding_size": 32}),
        ("MobileBert", {**SMALL, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16, "pad_token_id": 1}),
        ("Nystromformer", SMALL),
        ("Yoso", SMALL),
    ],
)
def test_one_that_is_not_known_to_read_padding_is_found_out_when_it_is_loaded(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, prefix: str, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(architectures, "UNFIT", {})
    run = ceiling_of(plan_of(make("bert", prefix, **settings)))
    with pytest.raises(CorruptModel, match="reads what is beside a text in its batch"):
        backbone.load(run)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_ordinary_models_are_fit(models: dict[str, Path], kind: str, pooling: str) -> None:
    backbone.load(ceiling_of(plan_of(models[kind], pooling=pooling)))


@pytest.mark.parametrize("tuning", ["probe", "lora", "full"])
def test_opt_with_projected_embeddings_is_as_wide_as_its_states(make: Callable[..., Path], store: Store, tuning: str) -> None:
    folder = make("llama", "OPT", "ForCausalLM", **OPT, word_embed_proj_dim=16, do_layer_norm_before=False)
    assert finish(ceiling_of(plan_of(folder, tuning)), store).of("finished")


def test_longformer_is_tuned_in_full_although_it_pads_by_itself(make: Callable[..., Path]) -> None:
    folder = make("bert", "Longformer", **SMALL, attention_window=8, pad_token_id=1)
    used = torch.tensor([0, 2, 9, 30])
    tuned = engine_models.build(ceiling_of(plan_of(folder, "full")), used)
    logits = tuned(torch.tensor([[2, 9, 30, 9, 2]]), torch.ones(1, 5))
    logits.sum().backward()
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("architecture", ["mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h"])
def test_lora_that_peft_refuses_is_refused_when_planned(architecture: str) -> None:
    config = {"model_type": architecture, "architectures": ["XForCausalLM"], "hidden_size": 32, "num_hidden_layers": 2}
    assert "LoRA cannot be added" in folders.facts(config).refused["lora"]


def test_the_refusal_of_a_tuning_lands_at_its_field(make: Callable[..., Path]) -> None:
    folder = make("llama", "Mamba", "ForCausalLM", hidden_size=32, num_hidden_layers=2, state_size=4)
    with pytest.raises(ValueError, match=r"strong\.tuning\n.*LoRA cannot be added to this architecture \(mamba\)"):
        plan_of(folder, "lora")
    plan_of(folder, "full")


@pytest.mark.parametrize("model_type", ["phi3", "falcon", "mpt", "deepseek_v3", "eurobert"])
def test_code_beside_a_model_that_transformers_knows_is_not_needed(model_type: str) -> None:
    config = {"model_type": model_type, "architectures": ["XForCausalLM"], "hidden_size": 32, "num_hidden_layers": 2}
    assert folders.facts({**config, "auto_map": {"AutoModelForCausalLM": "modeling.X"}}).architecture == model_type


def test_one_that_reads_more_than_tokens_is_found_out_when_it_is_loaded(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(architectures, "UNFIT", {})
    sizes = {"num_latents": 4, "d_latents": 32, "num_blocks": 1, "num_self_attends_per_block": 1, "num_self_attention_heads": 2}
    folder = make("bert", "Perceiver", **sizes, d_model=32, num_cross_attention_heads=2, max_position_embeddings=64)
    change(folder, "config.json", lambda item: item.update(num_hidden_layers=1))
    with pytest.raises(CorruptModel, match=r"\(perceiver\) does not read a plain text"):
        backbone.load(ceiling_of(plan_of(folder)))


def test_a_config_with_impossible_sizes_is_told_in_a_sentence(make: Callable[..., Path]) -> None:
    folder = make("llama", "GPTNeo", "ForCausalLM", hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global"], 2]])
    change(folder, "config.json", lambda item: item.update(num_layers=3))
    with pytest.raises(CorruptModel, match="cannot be loaded: "):
        backbone.load(ceiling_of(plan_of(folder)))


def test_a_tokenizer_with_more_words_than_embeddings_is_refused_when_planned(make: Callable[..., Path]) -> None:
    folder = make("llama")
    shutil.rmtree(folder)
    folder = make("llama", "Llama", "ForCausalLM", **SMALL, vocab_size=250)
    with pytest.raises(ValueError, match=r"its tokenizer has ids up to 599, and its config\.json embeddings of 250 tokens only"):
        plan_of(folder)


def test_an_added_token_without_an_embedding_is_refused_where_a_text_has_it(make: Callable[..., Path], store: Store) -> None:
    import pyarrow as pa

    folder = make("llama")
    token = {
        "id": 600,
        "content": "<pad>",
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    change(folder, "tokenizer.json", lambda item: item["added_tokens"].append(token))
    run = ceiling_of(plan_of(folder))
    read = backbone.tokenizer(run)
    assert cached_word_pieces(run, pa.chunked_array([["a good film"]]), "a", read, store, lambda: False).largest < 600
    with pytest.raises(CorruptModel, match=r"gives a text the token 600, and the model has embeddings of 600 tokens only"):
        cached_word_pieces(run, pa.chunked_array([["a <pad> film"]]), "b", read, store, lambda: False)


def test_tokenizers_that_cannot_be_used_are_refused_when_planned(make: Callable[..., Path]) -> None:
    folder = make("llama")
    whole = (folder / "tokenizer.json").read_text()
    change(folder, "tokenizer.json", lambda item: item["model"].update(type="SuperBPE2"))
    with pytest.raises(ValueError, match=r"its tokenizer is of a kind \(SuperBPE2\) that cannot be read"):
        plan_of(folder)
    (folder / "tokenizer.json").write_text(whole)
    change(folder, "tokenizer.json", lambda item: item["model"].update(unk_token="<none>"))
    with pytest.raises(ValueError, match=r"its tokenizer has no token “<none>”"):
        plan_of(folder)
    (folder / "tokenizer.json").write_text(whole[:100])
    with pytest.raises(ValueError, match=r"its tokenizer\.json cannot be read"):
        plan_of(folder)


@pytest.mark.parametrize(("number", "said"), [(float("nan"), "NaN"), (float("inf"), "infinite numbers")])
@pytest.mark.parametrize("tuning", ["probe", "full"])
def test_damaged_weights_are_told_as_damaged_weights(
    make: Callable[..., Path], store: Store, number: float, said: str, tuning: str
) -> None:
    folder = make("llama")
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = next(item for item in weights if "down_proj" in item)
    weights[name][0, 0] = number
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(EngineError, match=f"contain {said}, in .*down_proj"):
        finish(ceiling_of(plan_of(folder, tuning)), store)


def test_weights_of_another_size_than_the_config_says_are_named(make: Callable[..., Path]) -> None:
    folder = make("llama")
    change(folder, "config.json", lambda item: item.update(vocab_size=700))
    with pytest.raises(CorruptModel, match=r"do not have the sizes that its config\.json says: .*embed_tokens"):
        backbone.load(ceiling_of(plan_of(folder)))


class Narrow(torch.nn.Embedding):
    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self


def test_states_of_another_width_than_the_config_says_are_told() -> None:
    narrow = Narrow(50, 16)
    with pytest.raises(CorruptModel, match=r"16 numbers wide, and its config\.json says 32"):
        fitness.check(narrow, "x", ("x", "wide"), 32, lambda ids, mask: narrow(ids).mean(1))


def test_a_config_with_a_byte_order_mark_is_read(make: Callable[..., Path]) -> None:
    folder = make("llama")
    path = folder / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert folders.read_config(path)["model_type"] == "llama"
