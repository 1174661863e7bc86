"""Models in folders in the layout of the Hub: the facts of their config.json, and a digest of every file that matters.

Light on purpose: JSON and hashes, no torch and no transformers. Every ValueError is a sentence for the user who chose the model.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from training.catalog import architectures, vision
from training.catalog.models import Kind

CONFIG = "config.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "chat_template.jinja",
)
VOCABULARIES = {"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt"}
"""Files of vocabularies; a tokenizer needs at least one of them."""


@dataclass(frozen=True)
class Facts:
    """The facts of a config.json: kind, layers, width of the last hidden states, and longest text in tokens.

    ``vocabulary`` is the number of tokens with an embedding. ``refused`` has a sentence for everything that is not possible
    (``architectures.refused``).
    """

    architecture: str
    kind: Kind
    layers: int
    width: int
    context: int | None
    vocabulary: int | None = None
    refused: dict[str, str] = field(default_factory=dict)


def is_model(folder: Path) -> bool:
    """Return whether the folder has a config.json that this process may read."""
    try:
        return (folder / CONFIG).is_file() and os.access(folder / CONFIG, os.R_OK)
    except (OSError, ValueError):
        return False


def files_of(folder: Path) -> list[Path]:
    """Return every file that determines the model's outputs. Raises ValueError where weights are missing."""
    index = [folder / INDEX] if (folder / INDEX).is_file() else []
    if vision.is_vision(read_config(folder / CONFIG)):
        return [folder / CONFIG, *weight_files(folder), *index, folder / vision.PREPROCESSOR]
    tokenizer = [folder / name for name in TOKENIZER if (folder / name).is_file()]
    return [folder / CONFIG, *weight_files(folder), *tokenizer, *index]


def read_config(path: Path) -> dict[str, Any]:
    """Return the config at ``path``. Raises ValueError where it is not a JSON object."""
    try:
        config = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise ValueError("its config.json cannot be read.")
    return config


def facts(config: Mapping[str, Any]) -> Facts:
    """Return the facts of a config. Raises ValueError for a model with code of its own, a quantised one, or another kind."""
    kind = architectures.kind_of(config)
    architecture = str(config.get("model_type", ""))
    if kind == "vision":
        return _facts_of_vision(config, architecture)
    blocks = config.get("layers_block_type")
    layers = _number(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers") or (len(blocks) if blocks else None)
    width = _number(config, "hidden_size", "n_embd", "d_model", "dim", "emb_dim")
    if layers is None or width is None:
        raise ValueError("its config.json does not say how many layers it has and how wide its states are.")
    if architecture == "opt":
        width = _number(config, "word_embed_proj_dim") or width  # states are projected back to the embeddings
    context = _number(config, "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
    if context is not None and architecture in architectures.OFFSET_POSITIONS:
        context -= int(config.get("pad_token_id") or 1) + 1
    refused = architectures.refused(config, kind)
    return Facts(architecture, kind, layers, width, context, _number(config, "vocab_size"), refused)


def _facts_of_vision(config: Mapping[str, Any], architecture: str) -> Facts:
    layers, width = vision.size_of(config)
    if not isinstance(layers, int) or not isinstance(width, int):
        raise ValueError("its config.json does not say how many layers it has and how wide its states are.")
    return Facts(architecture, "vision", layers, width, None, None, vision.REFUSED)


def _number(config: Mapping[str, Any], *names: str) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int) and config[name] > 0), None)


TOKENIZERS = {"BPE", "Unigram", "WordLevel", "WordPiece"}
"""Kinds of model in a tokenizer.json that can be read."""


def check_tokenizer(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise ValueError where tokenizer.json, if there is one, cannot be used or has tokens without an embedding."""
    path = folder / "tokenizer.json"
    if path.is_file():
        status = path.stat()
        kind, largest, unknown = _tokenizer(path, status.st_size, status.st_mtime_ns)
        if kind and kind not in TOKENIZERS:
            raise ValueError(
                f"its tokenizer is of a kind ({kind}) that cannot be read; there are: {', '.join(sorted(TOKENIZERS))}."
            )
        if unknown is not None:
            raise ValueError(f"its tokenizer has no token “{unknown}”, which it would need for unknown words.")
        size = _number(config, "vocab_size")
        if size is not None and largest >= size:
            raise ValueError(f"its tokenizer has ids up to {largest:,}, and its config.json embeddings of {size:,} tokens only.")


@lru_cache(maxsize=64)
def _tokenizer(path: Path, size: int, changed: int) -> tuple[str, int, str | None]:
    """Return kind and largest id of the vocabulary in a tokenizer.json, and its token for unknown words if that is missing.

    Added tokens are ignored: many models have some that no text contains. ``size`` and ``changed`` only key the cache.
    """
    try:
        model = json.loads(path.read_text("utf-8-sig"))["model"]
        kind, words, unknown = str(model.get("type") or ""), model.get("vocab") or {}, model.get("unk_token")
        largest = max(words.values(), default=-1) if isinstance(words, dict) else len(words) - 1
        needed = kind in ("WordLevel", "WordPiece") and isinstance(words, dict) and unknown not in words
        return kind, int(largest), str(unknown) if needed else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise ValueError("its tokenizer.json cannot be read.") from None


def has_chat_template(folder: Path) -> bool:
    """Return whether the tokenizer in ``folder`` has a chat template, in a file of its own or in tokenizer_config.json."""
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8-sig"))
    except (OSError, ValueError):
        config = None
    return (folder / "chat_template.jinja").is_file() or bool(isinstance(config, dict) and config.get("chat_template"))


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of the model. Raises ValueError where there are none or one is missing."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise ValueError("it has no model.safetensors, and weights in other formats are never read.")
    try:
        names = sorted(set(json.loads((folder / INDEX).read_text())["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise ValueError(f"its {INDEX} cannot be read.") from None
    paths = [folder / Path(str(name)).name for name in names]
    if missing := [path.name for path in paths if not path.is_file()]:
        raise ValueError(f"{missing[0]}, which {INDEX} names, is missing.")
    return paths


def parameters(folder: Path) -> int:
    """Return the number of parameters in the weight files, by their headers. Raises ValueError for an invalid file."""
    total = 0
    for path in weight_files(folder):
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(size, 100_000_000)))
            tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
            end = max((tensor["data_offsets"][1] for tensor in tensors), default=0)
            total += sum(math.prod(tensor["shape"]) for tensor in tensors)
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            raise ValueError(f"its {path.name} is not a safetensors file.") from None
        if path.stat().st_size != 8 + size + end:
            raise ValueError(f"its {path.name} is cut short or damaged.")
    return total


def digest(folder: Path) -> str:
    """Return the SHA-256 over names and contents of weights, config, and tokenizer or preprocessor.

    Raises ValueError where one is missing.
    """
    files = files_of(folder)
    if missing := [path.name for path in files if not path.is_file()]:
        raise ValueError(f"it has no {missing[0]}.")
    if not {path.name for path in files} & (VOCABULARIES | {vision.PREPROCESSOR}):
        raise ValueError("it has no tokenizer (tokenizer.json).")
    lines = sorted(f"{path.name} {_sha256(path)}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


_digests: dict[tuple[Path, int, int], str] = {}


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content; a file of unchanged size and time is read once in a process."""
    status = path.stat()
    known = (path, status.st_size, status.st_mtime_ns)
    if known not in _digests:
        with path.open("rb") as file:
            _digests[known] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[known]
