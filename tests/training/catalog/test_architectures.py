"""Kinds of architectures: what transformers has, and what a config says."""

from typing import Any

import pytest

from tests.factories import auto_classes
from tests.factories.families import REFUSED, USABLE
from training.catalog import architectures, folders
from training.catalog.architectures import KINDS, VERSION

SIZES = {"num_hidden_layers": 2, "hidden_size": 8}


def kind(model_type: str, **config: Any) -> str:
    return folders.facts({"model_type": model_type, **SIZES, **config}).kind


def test_the_table_is_that_of_the_installed_transformers() -> None:
    written: dict[str, Any] = {"transformers": VERSION, "kinds": {kind: [] for kind in auto_classes.table()["kinds"]}}
    for name, of_kind in KINDS.items():
        written["kinds"][of_kind].append(name)
    assert written == auto_classes.table(), "python -m tests.factories.auto_classes writes it anew"


def test_every_architecture_with_a_rule_of_its_own_is_in_the_table_of_families() -> None:
    refused = {*architectures.NO_LORA, *architectures.NO_CHECKPOINTING, *architectures.NOT_LINEAR, *architectures.NO_LANGUAGE}
    assert refused | architectures.BIDIRECTIONAL <= {family.config["model_type"] for family in USABLE}
    assert set(architectures.UNFIT) <= {family.config["model_type"] for family in REFUSED}
    assert {name for name in architectures.OFFSET_POSITIONS if KINDS.get(name) != "encoder"} == set()


def test_classes_with_both_kinds_of_heads_are_encoders_unless_their_config_says_decoder() -> None:
    assert kind("roberta", architectures=["RobertaForCausalLM"]) == kind("xlnet", architectures=["XLNetLMHeadModel"]) == "encoder"
    assert kind("roberta", is_decoder=True) == kind("bert-generation", is_decoder=True) == "decoder"


def test_an_architecture_that_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"its architecture \(new\) is not supported: transformers {VERSION} does not know it"):
        kind("new", architectures=["NewForCausalLM"])


def test_with_another_version_of_transformers_it_is_told_by_its_class_and_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architectures, "VERSION", "0.0.1")
    assert kind("new", architectures=["NewForCausalLM"]) == "decoder"
    assert kind("new", architectures=["NewForMaskedLM"]) == "encoder"
    with pytest.raises(ValueError, match="it must be a text encoder, a text decoder, or a model of images"):
        kind("new", architectures=["NewForConditionalGeneration"])


def test_a_config_without_sizes_is_told_as_that() -> None:
    with pytest.raises(ValueError, match=r"its config\.json does not say how many layers it has"):
        folders.facts({"model_type": "llama", "hidden_size": 32})


@pytest.mark.parametrize("cap", ["final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap"])
def test_a_cap_of_the_logits_is_seen_and_one_of_the_attention_is_none(cap: str) -> None:
    config = {"model_type": "gemma2", **SIZES}
    assert "caps its logits" in folders.facts({**config, cap: 30.0}).refused["unembedding"]
    assert folders.facts({**config, cap: None, "attn_logit_softcapping": 50.0}).refused == {}
