"""Export of a finished run for other tools: a trained model in the layout of the Hub, or weak labels as a data set."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file
from torch import Tensor

from training import catalog
from training.catalog import local
from training.engine.data.examples import load_examples
from training.engine.errors import EngineError
from training.engine.models import backbone, classifiers
from training.engine.models.classifiers import HEAD, SCORER
from training.engine.outputs.cards import answers_card, labels_card, model_card, writer_card
from training.engine.outputs.written_export import export_answers, export_writer
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.columns import column_of

Weights = dict[str, Tensor]


def export_model(run: RunSpec, store: Store, out: Path) -> None:
    """Write the model of ``run`` into the folder ``out``, which must be new or empty.

    ``head.safetensors`` has ``linear.weight`` (1, width) and ``linear.bias`` (1,), which turn the pooled vector into the log-odds
    of class 1, or for K > 2 classes (K, width) and (K,), into a logit for each; in a reward model, into the score of one text.
    Beside it: the transformer of a full tuning, as AutoModel loads it; the PEFT adapter of LoRA; ``base.json`` with the model
    under a probe; nothing for a bag of words, whose ``head.safetensors`` has weights for each bucket. A run that writes answers
    has no head: its folder is what AutoModelForCausalLM loads. Raises EngineError where the run left no weights.
    """
    weights = weights_of(run, store)
    if run.writes:
        export_writer(run, weights, writer_card(run, store), new_folder(out))
        return
    scores = {name.removeprefix(SCORER): tensor for name, tensor in weights.items()}
    names = class_names(run, store)
    card = model_card(run, store, names, pairs=scores.keys() != weights.keys())
    new_folder(out)
    if run.adaptation == "scratch":
        save_file(scores, out / "head.safetensors")
    elif run.adaptation == "probe":
        save_file(scores, out / "head.safetensors")
        (out / "base.json").write_text(json.dumps(base_of(run) | {"classes": names}, indent=2) + "\n")
    else:
        _write_transformer(run, scores, names, out)
    # Last, replacing the card that peft writes.
    (out / "README.md").write_text(card)


def base_of(run: RunSpec) -> dict[str, Any]:
    """Return the base of a head on frozen features: the model with commit or digest, its number of layers, and its pooling."""
    shape = backbone.shape(run)
    return {
        "model": local.public_name(run.model, run.digest),
        "digest": run.digest,
        "layers": shape.layers,
        "width": shape.width,
        "pooling": shape.reading,
        "max_tokens": run.max_tokens,
    }


def _write_transformer(run: RunSpec, weights: Weights, names: list[str], out: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    model: Any = classifiers.build(run, classes=len(names))
    model.load_state_dict(weights, strict=run.adaptation == "full")
    model.backbone.config.id2label = dict(enumerate(names))
    model.backbone.config.label2id = {name: number for number, name in enumerate(names)}
    # LoRA trains no embeddings; left to itself, peft would ask the Hub for the base's config to see whether it does.
    model.backbone.save_pretrained(out, **({"save_embedding_layers": False} if run.adaptation == "lora" else {}))
    save_file(part(weights, HEAD), out / "head.safetensors")
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=backbone.tokenizer(run), model_max_length=run.max_tokens).save_pretrained(out)


def part(weights: Weights, prefix: str) -> Weights:
    """Return the tensors whose names begin with ``prefix``, without it in their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def export_labels(run: RunSpec, store: Store, out: Path) -> None:
    """Write the predictions of ``run`` for half B and the test set into ``out`` as a data set for ``datasets.load_dataset``.

    Locked rows are left out. Raises CorruptData where the data set is no longer that of the run.
    """
    if run.writes:
        export_answers(run, store, answers_card(run, store), new_folder(out))
        return
    names = class_names(run, store)
    examples, card = load_examples(run.dataset, run.fingerprint), labels_card(run, store, names)
    predictions = store.read_predictions(run.key())
    predictions = predictions.take(np.isin(predictions.split, ["transfer", "test"]))
    place = {example_id: row for row, example_id in enumerate(examples.id.tolist())}
    rows = [place[example_id] for example_id in predictions.id.tolist()]
    texts = {"text": examples.text.take(rows)} | ({"text_b": examples.text_b.take(rows)} if examples.text_b is not None else {})
    columns = {
        "split": predictions.split,
        "soft_label": column_of(predictions.prob),
        "hard_label": predictions.label,
        "supervisor": [run.key()] * len(rows),
        "data_fingerprint": [run.fingerprint] * len(rows),
    }
    table = pa.table({"id": predictions.id} | texts | columns)
    table = table.cast(_features(list(texts), names).arrow_schema)
    new_folder(out)
    pq.write_table(table, out / "labels.parquet", compression="zstd")
    (out / "README.md").write_text(card)


def _features(texts: list[str], names: list[str]) -> Any:
    """Return the features for ``datasets``: hard labels are classes with names, soft ones of K > 2 classes are K numbers."""
    # Takes a second to import, which the export of a model need not pay.
    from datasets import ClassLabel, Features, List, Value

    probability = Value("float32")
    return Features(
        {
            "id": Value("int64"),
            **dict.fromkeys(texts, Value("string")),
            "split": Value("string"),
            "soft_label": probability if len(names) == 2 else List(probability, length=len(names)),
            "hard_label": ClassLabel(names=names),
            "supervisor": Value("string"),
            "data_fingerprint": Value("string"),
        }
    )


def class_names(run: RunSpec, store: Store) -> list[str]:
    """Return the names of a finished run's classes, from 0: by the catalog, or numbers where its data set is gone."""
    entry, classes = catalog.known_dataset(run.dataset), store.read_predictions(run.key()).classes
    if entry and entry.digest == run.fingerprint and len(entry.classes) == classes:
        return list(entry.classes)
    return [str(number) for number in range(classes)]


def new_folder(out: Path) -> Path:
    """Make the folder ``out`` and return it. Raises EngineError where it is there and not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EngineError(f"{out} is there already and not an empty folder.")
    out.mkdir(parents=True, exist_ok=True)
    return out


def weights_of(run: RunSpec, store: Store) -> Weights:
    """Return the tensors of a finished run. Raises EngineError where it left none, DamagedArtifact."""
    path = store.weights(run.key())
    try:
        store.checksums.verify(path, again=True)
        return load_file(path)
    except FileNotFoundError:
        raise EngineError(
            "This run has left no weights. Those of fully tuned models are kept if the experiment says so (keep_weights); a run "
            "that trains nothing has none."
        ) from None
