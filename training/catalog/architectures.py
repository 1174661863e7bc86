"""Architectures of transformers, by the fields of a config.json: the kind of each, and what it cannot do.

Kinds come from architectures.json, since importing transformers loads torch: a table of what its auto classes load, written by
``python -m tests.factories.auto_classes`` for one version of it. Every ValueError is the end of a sentence for the user.
"""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from training.catalog import vision
from training.catalog.models import Kind

TABLE = Path(__file__).parent / "architectures.json"
_table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
VERSION: str = _table["transformers"]
"""Version of transformers that the table describes."""
KINDS: dict[str, str] = {name: kind for kind, names in _table["kinds"].items() for name in names}
"""encoder, decoder, encoder-decoder, beyond text, or other, by model_type, for all architectures of that version."""

BIDIRECTIONAL = {"bert-generation", "xlnet"}
"""Architectures that only a class of causal models loads, but whose tokens also attend to later ones."""

UNFIT = {
    "big_bird": "its attention changes with the longest text of a batch",
    "convbert": "its convolutions run over the padding beside a text",
    "cpmant": "it reads a prompt of its own before a text, and padding only on the left",
    "deepseek_v4": "transformers does not read its weights without its unembedding",
    "fnet": "it mixes all tokens of a row of a batch, padding too",
    "funnel": "it pools padding together with the text",
    "layoutlm": "it reads the places of words on a page",
    "mobilebert": "its first layer reads the token after each one, which at the end of a text is padding",
    "mra": "its attention needs a CUDA kernel of its own",
    "nystromformer": "its attention runs over averages of tokens, padding too",
    "perceiver": "its states belong to no token",
    "phimoe": "its router draws experts at random",
    "reformer": "its attention is drawn at random",
    "squeezebert": "it does not run without its pooler, which published weights lack",
    "yoso": "its attention reads the padding beside a text",
}
"""Architectures that the engine cannot use, with the reason. Others are tried when they are loaded (``models.fitness``)."""

NO_LORA = {
    *("falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"),  # fused kernels would bypass any addition
    *("ibert", "llama4_text"),  # linear layers with a forward of their own, which PEFT cannot wrap
}
NO_CHECKPOINTING = {
    *("albert", "ctrl", "flaubert", "gpt_neox_japanese", "ibert", "jetmoe", "mpnet", "openai-gpt", "xlm", "xlnet"),
}
"""Architectures whose class does not support gradient checkpointing."""
NOT_LINEAR = {"modernbert-decoder"}
"""Decoders whose logits are not linear in their last states although no cap is in their config."""
NO_LANGUAGE = {"llama4_text"}
"""Decoders whose class with an unembedding does not wrap the one that AutoModel loads."""
LANGUAGE_CLASSES = ("ForCausalLM", "LMHeadModel")
"""Ends of the names of classes with an unembedding."""

OFFSET_POSITIONS = {
    *("camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta", "roberta-prelayernorm"),
    *("xlm-roberta", "xlm-roberta-xl", "xmod"),
}
"""Architectures that count positions from one past the id of their padding."""


def kind_of(config: Mapping[str, Any]) -> Kind:
    """Return the kind of a model. Raises ValueError for one that reads neither texts nor images, or is unfit."""
    architecture = str(config.get("model_type") or "")
    kind = KINDS.get(architecture)
    if config.get("auto_map") and kind is None:
        raise ValueError("it needs code of its own (auto_map in config.json), and code from model folders is never run here.")
    if config.get("quantization_config") or config.get("compression_config"):
        raise ValueError("its weights are quantised; choose the unquantised model.")
    if vision.is_vision(config):
        return "vision"
    if architecture in UNFIT:
        raise ValueError(f"its architecture ({architecture}) is not supported: {UNFIT[architecture]}.")
    if architecture == "xmod" and not config.get("default_language"):
        raise ValueError("its config.json does not say the language of its texts (default_language).")
    if kind == "beyond text" or any(f"{part}_config" in config for part in ("audio", "text", "vision")):
        raise ValueError(f"its architecture ({architecture}) is not supported: it is not of text alone.")
    if config.get("is_encoder_decoder") or kind == "encoder-decoder":
        raise ValueError(f"its architecture ({architecture}) is not supported: it is an encoder and a decoder in one.")
    if kind is None and architecture:
        kind = _kind_of_class(architecture, _classes(config))
    if kind == "encoder" or (kind == "decoder" and architecture in BIDIRECTIONAL):
        return "decoder" if config.get("is_decoder") else "encoder"
    if kind == "decoder":
        return "decoder"
    images = ", ".join(vision.ARCHITECTURES)
    what = architecture or next(iter(_classes(config)), "no model_type in config.json")
    wanted = f"a text encoder, a text decoder, or a model of images ({images})"
    raise ValueError(f"its architecture ({what}) is not supported: it must be {wanted}.")


def _kind_of_class(architecture: str, classes: list[str]) -> Kind | None:
    """Return the kind of an architecture that another version of transformers may know, by the names of its classes."""
    try:
        installed = version("transformers")
    except PackageNotFoundError:
        installed = ""
    if installed == VERSION:
        raise ValueError(f"its architecture ({architecture}) is not supported: transformers {VERSION} does not know it.")
    if any(name.endswith(LANGUAGE_CLASSES) for name in classes):
        return "decoder"
    return "encoder" if any(name.endswith("ForMaskedLM") for name in classes) else None


def refused(config: Mapping[str, Any], kind: Kind) -> dict[str, str]:
    """Return a sentence for each of lora, checkpointing, unembedding (as a head's start) and language not possible."""
    architecture, classes, sentences = str(config.get("model_type")), _classes(config), {}
    if architecture in NO_LORA:
        sentences["lora"] = f"LoRA cannot be added to this architecture ({architecture}): choose full tuning or a probe."
    if architecture in NO_CHECKPOINTING:
        sentences["checkpointing"] = f"This architecture ({architecture}) has no gradient checkpointing: train without."
    if kind == "encoder":
        return sentences
    if any(config[name] for name in config if _is_cap(name)):
        sentences["unembedding"] = "The model caps its logits, so that no linear head gives them: start its head at zero."
    if architecture in NOT_LINEAR or KINDS.get(architecture) == "encoder":  # as the heads of masked models are
        sentences["unembedding"] = "The model’s logits are not linear in its last states: start its head at zero."
    bare = config.get("tie_word_embeddings") is False and classes and not any(name.endswith(LANGUAGE_CLASSES) for name in classes)
    if architecture in NO_LANGUAGE or bare:
        what = "This architecture has" if architecture in NO_LANGUAGE else f"Its weights ({classes[0]}) have"
        sentences["unembedding"] = f"{what} no unembedding: start its head at zero."
        sentences["language"] = f"{what} no unembedding, so that it can be tuned and probed, but models no language."
    return sentences


def _is_cap(name: str) -> bool:
    """Return whether a field of a config is the cap of the model's logits, not of its attention or its routers."""
    return "logit" in name and "cap" in name and not any(part in name for part in ("attention", "attn", "router"))


def _classes(config: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in config.get("architectures") or ()]
