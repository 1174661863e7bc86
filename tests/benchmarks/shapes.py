"""Three shapes of experiments for the benchmark of the engine: models, data and training settings, made on the fly.

Texts are drawn at random: a class has its own share of some words, so that larger models learn more of it, from few rows.
"""

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.engine.data import command
from training.spec import ExperimentSpec

WORDS, TILTED = 900, 90
"""Words of the drawn texts, and those of them that one class has more often."""
TILT = 1.0
"""Difference between the logarithms of the frequencies of a tilted word in the two classes, halved."""


@dataclass(frozen=True)
class Shape:
    """A shape: ``weak`` and ``strong`` make a model in a folder, or are names of models; ``rows`` in each half, ``test`` rows."""

    weak: str | Callable[[Path], Path]
    strong: str | Callable[[Path], Path]
    rows: int
    test: int
    lr: tuple[float, float]
    epochs: int = 2
    lengths: tuple[float, int, int] | None = None
    """Mean, least and most words of drawn texts; None for the embedded reviews."""

    def spec(self, folder: Path, seeds: int = 1, precision: str = "auto") -> ExperimentSpec:
        """Return the experiment: supervisor, ceiling, naive and confidence student. Its files are made in ``folder`` once."""
        data, share = {"name": "movie-reviews"}, self.test / 10_568
        if self.lengths:
            test = min(self.test, 2 * self.rows)  # a plan takes at most half of the rows for the test
            data, share = {"name": drawn(folder, 2 * self.rows + test, self.lengths)}, test / (2 * self.rows + test)
        training = {"tuning": "full", "epochs": self.epochs, "precision": precision, "stop": "last"}
        parts = {"test_fraction": share, "locked_fraction": 0, "validation_fraction": 0}
        models = [model if isinstance(model, str) else str(model(folder)) for model in (self.weak, self.strong)]
        return ExperimentSpec.model_validate(
            {
                "data": {"limit": self.rows} | data | parts,
                "weak": {"models": models[:1], "lr": self.lr[0]} | training,
                "strong": {"models": models[1:], "lr": self.lr[1]} | training,
                "seeds": seeds,
            }
        )


def drawn(folder: Path, rows: int, lengths: tuple[float, int, int]) -> str:
    """Import a data set of ``rows`` drawn texts into the library, and return its name."""
    name = f"drawn-{rows}-{lengths[2]}"
    if (folder / f"{name}.csv").exists():
        return name
    draw = np.random.default_rng(0)
    mean, least, most = lengths
    frequency = 1 / np.arange(10, WORDS + 10)
    tilt = np.zeros(WORDS)
    tilt[draw.choice(WORDS, TILTED, replace=False)] = TILT * draw.choice([-1, 1], TILTED)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label"])
        for row in range(rows):
            chance = frequency * np.exp(tilt if row % 2 else -tilt)
            count = int(np.clip(draw.lognormal(np.log(mean) - 0.32, 0.8), least, most))
            table.writerow([" ".join(f"w{word}" for word in draw.choice(WORDS, count, p=chance / chance.sum())), row % 2])
    mapping = {"kind": "labelled", "text": "text", "label": "label"}
    mapping["classes"] = [{"name": "a", "values": ["0"]}, {"name": "b", "values": ["1"]}]  # type: ignore[assignment]
    (folder / "mapping.json").write_text(json.dumps(mapping))
    about = {"name": name, "title": "", "source": "", "licence": "", "citation": ""}
    options = argparse.Namespace(what="add", file=folder / f"{name}.csv", mapping=folder / "mapping.json", **about)
    command.run(options, lambda _: None, lambda: False)
    return name


def maker(name: str, model: Callable[[], Any]) -> Callable[[Path], Path]:
    """Return a function that makes ``model`` with random weights and its tokenizer in a folder, once."""

    def make(folder: Path) -> Path:
        import torch
        from tokenizers import Tokenizer, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        made = folder / name
        if not made.exists():
            torch.manual_seed(0)
            model().save_pretrained(made)
            words = ["[UNK]", "0", "1", *(f"w{number}" for number in range(WORDS))]
            tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
            tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
            PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(made)
        return made

    return make


def gpt2(layers: int, width: int) -> Callable[[Path], Path]:
    """Return a maker of a GPT-2."""

    def model() -> Any:
        from transformers import GPT2Config, GPT2LMHeadModel

        sizes: dict[str, Any] = {"n_embd": width, "n_layer": layers, "n_head": width // 64, "n_positions": 512}
        return GPT2LMHeadModel(GPT2Config(vocab_size=8192, bos_token_id=None, eos_token_id=None, **sizes))

    return maker(f"gpt2-{layers}x{width}", model)


def llama(layers: int, width: int, inner: int, heads: int, shared: int) -> Callable[[Path], Path]:
    """Return a maker of a Llama, ``shared`` of whose ``heads`` have keys and values."""

    def model() -> Any:
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            vocab_size=49_152,
            hidden_size=width,
            num_hidden_layers=layers,
            intermediate_size=inner,
            num_attention_heads=heads,
            num_key_value_heads=shared,
            max_position_embeddings=8192,
            rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
            tie_word_embeddings=True,
        )
        return LlamaForCausalLM(config)

    return maker(f"llama-{layers}x{width}", model)


SHAPES = {
    "narrow decoder": Shape(gpt2(2, 128), gpt2(4, 256), rows=800, test=400, lr=(3e-4, 2e-4), lengths=(72, 20, 400)),
    "MiniLM": Shape("minilm-l2", "minilm-l6", rows=500, test=529, lr=(5e-5, 5e-5)),
    "SmolLM2-135M": Shape(
        llama(8, 192, 512, 3, 1), llama(30, 576, 1536, 9, 3), rows=64, test=64, lr=(1e-3, 1e-4), lengths=(40, 10, 160)
    ),
}
"""The narrow decoder has 5.4 million parameters in the student; SmolLM2-135M its published shape. Both have random weights."""
