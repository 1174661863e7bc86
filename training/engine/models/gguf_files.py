"""GGUF files, the format of llama.cpp, as folders in the layout of the Hub: config, weights in half precision, tokenizer.

Models of the architecture llama with a byte-level tokenizer can be read. What is written depends on the file alone, so that its
digest is known in advance. Weights of a few bits become numbers again, by the definition of their format: nothing that
quantisation has taken comes back.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from training.catalog import folders
from training.engine.errors import CorruptModel

OnTensor = Callable[[int, int], None]
"""Callback for progress: the tensors done, and their total; may raise Stopped."""

Tensors = dict[str, npt.NDArray[np.float16]]

NAMES = {
    "token_embd": "model.embed_tokens",  # nosec B105 # a tensor's name
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""Names of tensors in a GGUF file, without layer and “.weight”, and those in transformers."""

DIGITS_APART = {"smollm"}
"""Rules for parting words (``tokenizer.ggml.pre``) that take each digit as a word; “gpt-2” does not."""
CONTROL, NORMAL = 3, 1
"""Kinds of tokens (``tokenizer.ggml.token_type``)."""


def convert(path: Path, folder: Path, on_tensor: OnTensor) -> None:
    """Write the model of the GGUF file ``path`` into the empty ``folder``. Raises CorruptModel, OSError,
    SafetensorError, ImportError.
    """
    from gguf import GGUFReader  # an optional package

    reader = GGUFReader(path)
    facts = {name: field.contents() for name, field in reader.fields.items()}
    config = _config(facts, tied=all(tensor.name != "output.weight" for tensor in reader.tensors))
    (folder / folders.CONFIG).write_text(_json(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text(_json(_tokenizer(facts)), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(_json(_tokenizer_config(facts)), encoding="utf-8")
    heads = config["num_attention_heads"], config["num_key_value_heads"]
    save_file(dict(_tensors(reader.tensors, *heads, on_tensor)), folder / folders.WEIGHTS, {"format": "pt"})
    shutil.copymode(folder / folders.CONFIG, folder / folders.WEIGHTS)  # which safetensors lets no group read


def _config(facts: dict[str, Any], tied: bool) -> dict[str, Any]:
    """Return the config.json. Raises CorruptModel for another architecture, or where a fact is missing."""
    architecture = facts.get("general.architecture")
    if architecture != "llama":
        raise CorruptModel(f"A GGUF file of the architecture {architecture} cannot be read, only one of llama.")
    try:
        heads = facts["llama.attention.head_count"]
        return {
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": False,
            "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
            "dtype": "float16",
            "eos_token_id": facts["tokenizer.ggml.eos_token_id"],
            "hidden_act": "silu",
            "hidden_size": facts["llama.embedding_length"],
            "intermediate_size": facts["llama.feed_forward_length"],
            "max_position_embeddings": facts["llama.context_length"],
            "mlp_bias": False,
            "model_type": "llama",
            "num_attention_heads": heads,
            "num_hidden_layers": facts["llama.block_count"],
            "num_key_value_heads": facts.get("llama.attention.head_count_kv", heads),
            "rms_norm_eps": float(f"{facts['llama.attention.layer_norm_rms_epsilon']:.6g}"),
            "rope_theta": facts.get("llama.rope.freq_base", 10_000.0),
            "tie_word_embeddings": tied,
            "vocab_size": len(facts["tokenizer.ggml.tokens"]),
        }
    except KeyError as error:
        raise CorruptModel(f"The GGUF file does not say {error.args[0]}.") from None


def _tokenizer(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the tokenizer.json. Raises CorruptModel for a tokenizer of another kind."""
    kind, rule = facts.get("tokenizer.ggml.model"), facts.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or rule not in DIGITS_APART | {"gpt-2"}:
        raise CorruptModel(f"A GGUF file with a tokenizer of the kind {kind}, {rule}, cannot be read.")
    tokens = facts["tokenizer.ggml.tokens"]
    kinds = facts.get("tokenizer.ggml.token_type", [NORMAL] * len(tokens))
    options = {"content": None, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytes_of = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = [{"type": "Digits", "individual_digits": True}] if rule in DIGITS_APART else []
    special = [number for number, token_kind in enumerate(kinds) if token_kind == CONTROL]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number} | options | {"content": tokens[number]} for number in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*digits, bytes_of]},
        "post_processor": None,
        "decoder": bytes_of,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,  # nosec B105 # no token
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in facts["tokenizer.ggml.merges"]],
        },
    }


def _tokenizer_config(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the tokenizer_config.json, which says what the special tokens are, and how a chat is written."""
    tokens, names = facts["tokenizer.ggml.tokens"], {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
    ids = {name: facts.get(f"tokenizer.ggml.{long}_token_id") for name, long in names.items()}
    special = {f"{name}_token": tokens[number] for name, number in ids.items() if number is not None}
    template = facts.get("tokenizer.chat_template")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": facts["llama.context_length"],
        **special,
        **({"chat_template": template} if template else {}),
    }


def _tensors(stored: Any, heads: int, key_heads: int, on_tensor: OnTensor) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
    from gguf import dequantize

    for done, tensor in enumerate(stored):
        on_tensor(done, len(stored))
        part, weight = _name(tensor.name)
        values = dequantize(tensor.data, tensor.tensor_type).reshape(tensor.shape[::-1])
        if part in ("attn_q", "attn_k"):
            values = _unpermuted(values, heads if part == "attn_q" else key_heads)
        yield weight, np.ascontiguousarray(values, np.float16)
    on_tensor(len(stored), len(stored))


def _name(name: str) -> tuple[str, str]:
    """Return the part that a tensor is, and its name in transformers. Raises CorruptModel for an unknown one."""
    *block, part, kind = name.split(".")
    if part not in NAMES or kind != "weight":
        raise CorruptModel(f"The GGUF file has a tensor {name}, which this architecture does not have.")
    layer = f"model.layers.{block[1]}." if block else ""
    return part, f"{layer}{NAMES[part]}.weight"


def _unpermuted(values: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Return the rows of a projection in transformers' order: both halves of a head one after the other.

    llama.cpp has the pairs of coordinates that rotary position embeddings turn next to each other.
    """
    pairs = values.reshape(heads, len(values) // heads // 2, 2, -1)
    return pairs.swapaxes(1, 2).reshape(values.shape)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
