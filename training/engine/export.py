"""A finished run as folders that other tools read: a trained model in the layout of the Hub, or weak labels as a data set."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.artifacts import Store
from training.engine import backbone, models
from training.engine.cards import labels_card, model_card
from training.engine.data.examples import load_examples
from training.engine.errors import EngineError
from training.spec import RunSpec

Weights = dict[str, Tensor]
HEAD = "head."
SCORER = "scorer."
"""Of a reward model, which is one scorer for both texts."""


def export_model(run: RunSpec, store: Store, out: Path) -> None:
    """Writes the model of ``run`` into the folder ``out``, which must be new or empty.

    ``head.safetensors`` has ``linear.weight`` (1, width) and ``linear.bias`` (1,), which turn the pooled vector into the log-odds
    of class 1; of a reward model, into the score of one text. Beside it: the transformer of a full tuning, as AutoModel loads it;
    the PEFT adapter of LoRA; ``base.json`` with the model under a probe; nothing for a bag of words, whose ``head.safetensors``
    has a weight for each bucket. Raises EngineError where the run left no weights.
    """
    weights = weights_of(run, store)
    scores = {name.removeprefix(SCORER): tensor for name, tensor in weights.items()}
    card = model_card(run, store, pairs=scores.keys() != weights.keys())
    _make(out)
    if run.adaptation == "scratch":
        save_file(scores, out / "head.safetensors")
    elif run.adaptation == "probe":
        save_file(scores, out / "head.safetensors")
        (out / "base.json").write_text(json.dumps(base_of(run), indent=2) + "\n")
    else:
        _write_transformer(run, scores, out)
    # Last, and over the card that peft writes.
    (out / "README.md").write_text(card)


def base_of(run: RunSpec) -> dict[str, Any]:
    """What a head on frozen features reads: which model at which commit or digest, how many layers, pooled in which way."""
    shape = backbone.shape(run)
    return {
        "model": run.model,
        "digest": run.digest,
        "layers": shape.layers,
        "width": shape.width,
        "pooling": shape.reading,
        "max_tokens": run.max_tokens,
    }


def _write_transformer(run: RunSpec, weights: Weights, out: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    model: Any = models.build(run)
    model.load_state_dict(weights, strict=run.adaptation == "full")
    model.backbone.save_pretrained(out)
    save_file(part(weights, HEAD), out / "head.safetensors")
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=backbone.tokenizer(run), model_max_length=run.max_tokens).save_pretrained(out)


def part(weights: Weights, prefix: str) -> Weights:
    """The tensors whose names begin with ``prefix``, under the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def export_labels(run: RunSpec, store: Store, out: Path) -> None:
    """Writes what ``run`` says of half B and of the test set into ``out`` as a data set that ``datasets.load_dataset`` reads.

    Locked rows are left out. Raises CorruptData where the data set is no longer the one of the run.
    """
    examples, card = load_examples(run.dataset, run.fingerprint), labels_card(run, store)
    found = store.read_predictions(run.key())
    found = found.take(found.split != "locked")
    place = {one: row for row, one in enumerate(examples.id.tolist())}
    rows = [place[one] for one in found.id.tolist()]
    texts = {"text": examples.text.take(rows)} | ({"text_b": examples.text_b.take(rows)} if examples.text_b is not None else {})
    columns = {
        "split": found.split,
        "soft_label": found.prob,
        "hard_label": found.label,
        "supervisor": [run.key()] * len(rows),
        "data_fingerprint": [run.fingerprint] * len(rows),
    }
    table = pa.table({"id": found.id} | texts | columns)
    _make(out)
    pq.write_table(table, out / "labels.parquet", compression="zstd")
    (out / "README.md").write_text(card)


def _make(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EngineError(f"{out} is there already and not an empty folder.")
    out.mkdir(parents=True, exist_ok=True)


def weights_of(run: RunSpec, store: Store) -> Weights:
    """The tensors of a finished run. Raises EngineError where it left none."""
    try:
        return load_file(store.weights(run.key()))
    except FileNotFoundError:
        raise EngineError(
            "This run has left no weights. Those of fully tuned models are kept if the experiment says so (keep_weights)."
        ) from None
