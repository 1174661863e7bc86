"""Measure what a model knows of chess: how often its most probable move is legal, and how often it is the best one.

The model is asked as it was pretrained, by the moves alone; nothing is trained. Puzzles come from games that it has not seen.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from training.answers import AnswerRule
from training.embedded.build_chess.dataset import TARGET

LONGEST_MOVE = 4
"""Tokens: a move, and a square, a promotion and a check that continue it."""
BATCH = 64


@torch.no_grad()
def written(model: LlamaForCausalLM, tokenizer: Tokenizer, prompts: Sequence[str]) -> list[str]:
    """Return the most probable next move of every prompt: tokens one by one until one begins another move."""
    texts = [tokenizer.encode(prompt).ids for prompt in prompts]
    answers: list[list[int]] = [[] for _ in texts]
    going = set(range(len(texts)))
    for _ in range(LONGEST_MOVE):
        rows = sorted(going)
        ids = [torch.tensor(texts[row] + answers[row]) for row in rows]
        logits = model(input_ids=torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)).logits
        for place, row in enumerate(rows):
            token = int(logits[place, len(ids[place]) - 1].argmax())
            if answers[row] and not (tokenizer.id_to_token(token) or "").startswith("##"):
                going.discard(row)
            else:
                answers[row].append(token)
        if not going:
            break
    return [tokenizer.decode(answer) for answer in answers]


def measure(folder: Path, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the shares of legal and of best moves."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).train(False)
    tokenizer, rule = Tokenizer.from_file(str(folder / "tokenizer.json")), AnswerRule(extract="move")
    ordered = sorted(rows, key=lambda row: len(row["text"]))
    legal = right = 0
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        for row, text in zip(batch, written(model, tokenizer, [row["text"] for row in batch]), strict=True):
            move = rule.answer(text)
            legal += move is not None and move in {rule.answer(san) for san in row["legal_san"]}
            right += rule.right(text, row["answers"])
    return {"puzzles": len(rows), "legal": legal / len(rows), "right": right / len(rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+", help="models in the layout of the Hub")
    parser.add_argument("--puzzles", type=int, default=2000, help="number of puzzles, the first ones of the file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = pq.read_table(TARGET).slice(0, options.puzzles).to_pylist()
    for folder in options.folder:
        print(json.dumps({"model": folder.name, **measure(folder, rows)}), flush=True)


if __name__ == "__main__":
    main()
