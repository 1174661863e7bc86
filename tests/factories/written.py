"""A made data set of sums with written answers, and tiny decoders of characters that learn it."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training import ExperimentSpec, Plan, make_plan
from training.answers import AnswerRule
from training.catalog.datasets import DatasetEntry

CHARACTERS = "0123456789+-= abcdefghijklmnopqrstuvwxyz\n"
END = "<end>"
CONTEXT = 48
RULE = AnswerRule(extract="number")


def make_sums(folder: Path, rows: int = 240, name: str = "made-sums", texts: list[str] | None = None) -> DatasetEntry:
    """Sums of two digits; each third accepts its answer in words too. The difficulty is the sum."""
    draw = np.random.default_rng(0)
    first, second = draw.integers(0, 10, (2, rows))
    total = first + second
    table = pa.table(
        {
            "id": np.arange(rows),
            "text": texts or [f"{a}+{b}=" for a, b in zip(first, second, strict=True)],
            "answers": [[str(c), f"sum {c}"] if c % 3 == 0 else [str(c)] for c in total],
            "group": np.arange(rows),
            "difficulty": total.astype(float),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    pq.write_table(table, path)
    return DatasetEntry(
        name=name,
        title="Sums",
        path=path,
        rows=rows,
        classes=(),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence="MIT",
        citation="",
        answers=RULE,
    )


def make_writer(folder: Path, width: int = 32, architecture: str = "llama") -> Path:
    """A tiny decoder with random weights whose tokens are characters, with one that ends a text."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
    from transformers import PreTrainedTokenizerFast as Fast

    torch.manual_seed(0)
    known = {character: number for number, character in enumerate([END, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token=" "))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    ends: dict[str, Any] = {"eos_token_id": 0, "bos_token_id": 0}
    model: Any
    if architecture == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(vocab_size=len(known), n_embd=width, n_layer=2, n_head=2, n_positions=CONTEXT, **ends))
    else:
        sizes: dict[str, Any] = {
            "hidden_size": width,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 2 * width,
        }
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(known), **sizes, **ends))
    model.save_pretrained(folder)
    Fast(tokenizer_object=tokenizer, eos_token=END).save_pretrained(folder)
    return folder


def writing_spec(
    weak: Path, *strong: Path, name: str = "made-sums", methods: tuple[dict[str, Any], ...] = (), **settings: Any
) -> ExperimentSpec:
    """One supervisor and strong models on few rows, with the same settings for both roles."""
    common = {
        "tuning": "full",
        "epochs": 2,
        "batch_size": 16,
        "max_tokens": 16,
        "answer_tokens": 8,
        "lr": 3e-3,
        "stop": "last",
    } | settings
    return ExperimentSpec.model_validate(
        {
            "data": {"name": name, "test_fraction": 0.3, "locked_fraction": 0.1},
            "weak": {"models": [str(weak)], **common},
            "strong": {"models": [*map(str, strong)], **common},
            "methods": list(methods or ({"kind": "naive"},)),
            "seeds": 1,
            "keep_weights": True,
        }
    )


def writing_plan(weak: Path, *strong: Path, **changes: Any) -> Plan:
    return make_plan(writing_spec(weak, *strong, **changes))


def keys_of(plan: Plan) -> dict[str, str]:
    """The keys of the first triplet's runs."""
    triplet = plan.triplets[0]
    return {"weak": triplet.weak, "student": triplet.student, "ceiling": triplet.ceiling}
