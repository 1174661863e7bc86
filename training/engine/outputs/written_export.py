"""Export of a run that wrote answers: its language model in the layout of the Hub, or its answers as a data set."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from training.engine.data.examples import load_examples
from training.engine.models import backbone, classifiers
from training.engine.models.classifiers import LanguageModel
from training.engine.models.end_tokens import end_tokens
from training.spec import RunSpec
from training.storage.artifacts import Store


def export_writer(run: RunSpec, weights: dict[str, Tensor], card: str, out: Path) -> None:
    """Write the language model of ``run`` with its trained ``weights`` into the folder ``out``, as AutoModelForCausalLM loads it.

    Additions of LoRA are merged into the weights.
    """
    from transformers import PreTrainedTokenizerFast

    model = classifiers.build(run)
    assert isinstance(model, LanguageModel)
    model.load_state_dict(weights, strict=run.adaptation == "full")
    if run.adaptation == "lora":
        merged: Any = model.backbone
        merged.merge_and_unload()
    model.head.whole.config.use_cache = True
    model.head.whole.save_pretrained(out)
    tokenizer, fast = backbone.tokenizer(run), PreTrainedTokenizerFast
    tokenizer.no_truncation()
    end = tokenizer.id_to_token(end_tokens(run, tokenizer.get_vocab_size())[0])
    most = run.max_tokens + run.answer_tokens
    fast(tokenizer_object=tokenizer, model_max_length=most, eos_token=end).save_pretrained(out)
    (out / "README.md").write_text(card)


def export_answers(run: RunSpec, store: Store, card: str, out: Path) -> None:
    """Write what ``run`` wrote for half B and the test set into ``out`` as a data set for ``datasets.load_dataset``."""
    examples, answers = load_examples(run.dataset, run.fingerprint), store.read_answers(run.key())
    answers = answers.take(np.isin(answers.split, ["transfer", "test"]))
    place = {example_id: row for row, example_id in enumerate(examples.id.tolist())}
    rows = [place[example_id] for example_id in answers.id.tolist()]
    columns = {
        "id": answers.id,
        "prompt": examples.text.take(rows),
        "split": answers.split,
        "written": pa.array(answers.text, pa.string()),
        "answer": pa.array(answers.answer, pa.string()),
        "log_probability": answers.log_probability,
        "reference": pa.array(answers.gold, pa.string()),
        "right": answers.right,
        "supervisor": [run.key()] * len(rows),
        "data_fingerprint": [run.fingerprint] * len(rows),
    }
    pq.write_table(pa.table(columns), out / "labels.parquet", compression="zstd")
    (out / "README.md").write_text(card)
