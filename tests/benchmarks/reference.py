"""A straightforward trainer to compare with, one stage a process, as the public reference does it, in fp32.

Texts are tokenised one by one, batches are padded to their longest text in the order in which they come, evaluation takes 32 at a
time, Adam is dense, attention is eager. Rows, epochs, batch size, learning rate and schedule are those of the run it is given.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import AutoModel

from training import RunSpec, Store, catalog
from training.engine import losses
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.models import backbone, model_files
from training.engine.schedule import batches
from training.spec import GROUND_TRUTH
from training.storage.predictions import Predictions

EVALUATION_BATCH = 32


class Plain(nn.Module):
    """A transformer as transformers loads it, with a linear head that starts at zero."""

    def __init__(self, run: RunSpec) -> None:
        super().__init__()
        shape, minilm = backbone.shape(run), run.model in catalog.MODELS
        folder = backbone.folder() if minilm else model_files.folder_of(run)
        own = {"num_hidden_layers": shape.layers, "add_pooling_layer": False} if minilm else {}
        self.backbone: Any = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, **own).eval()
        self.reading, self.head = shape.reading, nn.Linear(shape.width, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits (n,) of class 1 for ``ids`` and ``mask`` (n, longest)."""
        states = self.backbone(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        if self.reading == "mean":
            vectors = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        else:
            vectors = states[torch.arange(len(states)), 0 if self.reading == "cls" else mask.sum(1).long() - 1]
        logits: Tensor = self.head(vectors).squeeze(-1)
        return logits


def padded(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, texts))
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    return ids, torch.tensor([[1.0] * len(text) + [0.0] * (longest - len(text)) for text in texts])


def predicted(model: nn.Module, texts: list[list[int]]) -> np.ndarray:
    with torch.no_grad():
        parts = [texts[start : start + EVALUATION_BATCH] for start in range(0, len(texts), EVALUATION_BATCH)]
        return torch.sigmoid(torch.cat([model(*padded(part)) for part in parts])).numpy()


def train(run: RunSpec, model: nn.Module, texts: list[list[int]], labels: Tensor, micro: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=run.lr)
    order = batches(len(texts), run.batch_size, run.seed, 0)
    total = run.epochs * len(order)
    for step in range(total):
        batch = order[step % len(order)].tolist()
        optimiser.param_groups[0]["lr"] = run.lr * 0.5 * (1 + math.cos(math.pi * step / total))
        parts = [[texts[row] for row in batch[start : start + micro]] for start in range(0, len(batch), micro)]
        logits = torch.cat([model(*padded(part)) for part in parts])
        target = losses.target(run.method, labels[batch], logits, step / total)
        optimiser.zero_grad()
        torch.autograd.backward(F.binary_cross_entropy_with_logits(logits, target))
        optimiser.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--micro-batch", type=int, required=True)
    parser.add_argument("--threads", type=int, help="torch's default if left out")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    run, store = RunSpec.model_validate_json(sys.stdin.read()), Store(options.store)
    examples = load_examples(run.dataset, run.fingerprint)
    split = split_for(run, examples.group)
    rows, other = (split.a.train, split.b.train) if run.half == "A" else (split.b.train, split.a.train)
    tokenizer = backbone.tokenizer(run)
    texts = {row: tokenizer.encode(examples.text[int(row)].as_py()).ids for row in [*rows, *other, *split.test]}
    labels = examples.label[rows].astype(np.float32)
    if run.labels != GROUND_TRUTH:
        labels = store.read_predictions(run.labels).part("transfer").prob
    model = Plain(run)
    train(run, model, [texts[row] for row in rows], torch.from_numpy(labels), options.micro_batch)
    test = predicted(model, [texts[row] for row in split.test])
    if run.labels == GROUND_TRUTH:  # of supervisor and ceiling alike the public reference also predicts the other half
        prob = predicted(model, [texts[row] for row in other])
        gold, group = examples.label[other], examples.group[other]
        part = np.repeat("transfer", len(other))
        store.write_predictions(run.key(), Predictions(examples.id[other], part, group, gold, prob))
    store.run(run.key()).mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), store.run(run.key()) / "model.pt")
    print(json.dumps({"accuracy": float(np.mean((test > 0.5) == examples.label[split.test]))}))


if __name__ == "__main__":
    main()
