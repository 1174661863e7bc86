"""Pretrain a chess model on the games and the legal moves of their positions, in steps that can be stopped and continued.

The learning rate is constant after a warm-up, so that a later run may continue with more tokens; `--finish` decays it to zero
over the last steps from such a state and writes the model in the layout of the Hub.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.embedded.build_chess import tokens
from training.embedded.build_chess.samples import BATCH, REQUEST, Batch, Place, Sample, batch_of, batches, encoded

WARM_UP = 100
LEGAL_SHARE = 0.3
"""The share of each target that is spread evenly over the legal moves; the rest is on the move that was played."""
RATES = {"muon": 8e-3, "adamw": 4e-3}
SHAPES = {"tiny": (64, 2, 2, 160), "small": (96, 2, 4, 256), "medium": (128, 4, 4, 352)}
"""Width, layers, attention heads and width of the feed-forward layers."""
SEEDS = {"tiny": 0, "small": 1, "medium": 2}


def config(size: str) -> LlamaConfig:
    width, layers, heads, feed = SHAPES[size]
    numbers = {token: number for number, token in enumerate(tokens.vocabulary())}
    return LlamaConfig(
        vocab_size=len(numbers),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=feed,
        max_position_embeddings=tokens.CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=numbers["<s>"],
        eos_token_id=numbers["</s>"],
        pad_token_id=numbers["<pad>"],
    )


def loss(model: LlamaForCausalLM, batch: Batch, legal_share: float = 0.0) -> torch.Tensor:
    """Return the mean cross-entropy of every token after <s> given those before it; REQUEST is never predicted."""
    predicted: torch.Tensor = model(input_ids=batch.ids[:, :-1]).logits.log_softmax(-1).flatten(0, 1)
    targets = batch.ids[:, 1:].masked_fill(batch.ids[:, 1:] == REQUEST, 0).flatten()
    played = torch.nn.functional.nll_loss(predicted, targets, ignore_index=0)
    if not legal_share:
        return played
    legal = -(predicted[batch.places, batch.legal] * batch.shares).sum() / (targets != 0).sum()
    return (1 - legal_share) * played + legal_share * legal


def optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the layers and AdamW for embeddings and norms."""
    matrices = [p for name, p in model.named_parameters() if len(p.shape) == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if len(p.shape) != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=RATES["muon"], weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=RATES["adamw"], weight_decay=0.0, betas=(0.9, 0.98)),
    ]


class Training:
    """A model with its optimizers and place, kept in one file."""

    def __init__(self, file: Path, size: str) -> None:
        self._file = file
        torch.manual_seed(SEEDS[size])
        self.model = LlamaForCausalLM(config(size))
        self.optimizers = optimizers(self.model)
        self.place = Place()
        if file.exists():
            state: dict[str, Any] = torch.load(file, weights_only=True)
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.place = Place(**state["place"])

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "place": vars(self.place),
        }
        temporary = self._file.with_suffix(".new")
        torch.save(state, temporary)
        temporary.rename(self._file)

    def step(self, batch: Batch, factor: float) -> float:
        for optimizer, rate in zip(self.optimizers, RATES.values(), strict=True):
            optimizer.param_groups[0]["lr"] = rate * factor
        value = loss(self.model, batch, LEGAL_SHARE)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.place.step += 1
        self.place.position += 1
        self.place.tokens += int((batch.ids != 0).sum())
        return value.item()


@torch.no_grad()
def held_out_loss(model: LlamaForCausalLM, games: Sequence[Sample]) -> float:
    """Return the mean cross-entropy per token, in nats, of games that the model was not trained on."""
    model.train(False)
    total = count = 0.0
    ordered = sorted(games, key=lambda game: len(game.ids))
    for i in range(0, len(ordered), BATCH):
        batch = batch_of(ordered[i : i + BATCH])
        targets = int(((batch.ids[:, 1:] != 0) & (batch.ids[:, 1:] != REQUEST)).sum())
        total, count = total + loss(model, batch).item() * targets, count + targets
    model.train()
    return total / count


CARD = """---
license: mit
library_name: transformers
pipeline_tag: text-generation
tags: [chess]
---

# Chess, {size}

A language model of chess with {parameters:,} parameters in {layers} layers: moves in algebraic notation, such as
`1. e4 e5 2. Nf3`, one token for each move. It was pretrained from scratch on {tokens:,} tokens of games that Stockfish 15.1
played against itself with few nodes a move, and on no puzzles; its targets had the legal moves of every position too.
Cross-entropy on games of the same kind that it has not seen:
{held_out:.3f} nats a token. It plays weak chess and many moves that are not legal; it is made for experiments, as one step of a
ladder of sizes. Weights are stored as fp16. `training/embedded/build_chess` makes it again.
"""


def export(model: LlamaForCausalLM, folder: Path, size: str, seen: int, held_out: float) -> None:
    """Write the model in the layout of the Hub, weights in half precision, with a card."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"parameters": model.num_parameters(), "layers": model.config.num_hidden_layers}
    (folder / "README.md").write_text(CARD.format(size=size, tokens=seen, held_out=held_out, **facts))
    half = LlamaForCausalLM(model.config).half()
    half.load_state_dict(model.state_dict())
    half.save_pretrained(folder)
    tokens.save(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder of the intermediate files")
    parser.add_argument("size", choices=SHAPES)
    parser.add_argument("shards", type=int, nargs=2, metavar=("FIRST", "STOP"), help="shards of games to learn from")
    parser.add_argument("--held-out", type=int, default=1000, help="shard of games for the loss that is told")
    parser.add_argument("--steps", type=int, default=10**9, help="stop after this many steps in all")
    parser.add_argument("--minutes", type=float, default=55, help="stop after this many minutes")
    parser.add_argument("--finish", type=int, metavar="STEPS", help="decay the learning rate over STEPS steps and export")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.work / "models"
    folder.mkdir(exist_ok=True)
    training = Training(folder / f"{options.size}.pt", options.size)
    training.place = training.place.over(*options.shards)
    games, held_out = encoded(options.work, *options.shards), encoded(options.work, options.held_out, options.held_out + 1)
    start, begun, recent = time.monotonic(), training.place.step, list[float]()
    print(
        f"{training.model.num_parameters():,} parameters, {len(games):,} games, {sum(len(game.ids) for game in games):,} tokens",
        flush=True,
    )
    last = begun + options.finish if options.finish else options.steps
    for batch in batches(games, training.place):
        step = training.place.step
        if step >= last or (not options.finish and time.monotonic() - start > 60 * options.minutes):
            break
        recent.append(training.step(batch, (last - step) / options.finish if options.finish else min(1, (step + 1) / WARM_UP)))
        if training.place.step % 100 == 0:
            message = {"step": step + 1, "tokens": training.place.tokens, "loss": sum(recent) / len(recent)}
            message |= {"held out": held_out_loss(training.model, held_out), "seconds": time.monotonic() - start}
            print(json.dumps(message), flush=True)
            recent.clear()
            if not options.finish:
                training.save()
    if options.finish:
        value = held_out_loss(training.model, held_out)
        export(training.model, folder / options.size, options.size, training.place.tokens, value)
        print(json.dumps({"tokens": training.place.tokens, "held out": value}))
    else:
        training.save()


if __name__ == "__main__":
    main()
