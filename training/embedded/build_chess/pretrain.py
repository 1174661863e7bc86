"""Pretrain a chess model on the games alone, in steps that can be stopped and continued.

The learning rate is constant after a warm-up, so that a later run may continue with more tokens; `--finish` decays it to zero
over the last steps from such a state and writes the model in the layout of the Hub.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from training.embedded.build_chess import tokens
from training.embedded.build_chess.games import read

BATCH = 32
"""Games a step, of similar lengths: about 3,300 tokens."""
WARM_UP = 100
VOCABULARY = tokens.vocabulary()
REQUEST, REQUEST_SHARE = VOCABULARY.index(tokens.REQUEST), 0.05
RATES = {"muon": 8e-3, "adamw": 4e-3}
SHAPES = {"small": (96, 2, 4, 256), "medium": (160, 4, 5, 448), "large": (256, 6, 8, 672)}
"""Width, layers, attention heads and width of the feed-forward layers."""
SEEDS = {"small": 1, "medium": 2, "large": 3}


@dataclass
class Place:
    """Where a training stands: the next step, tokens so far, and the position in a pass over a range of shards."""

    step: int = 0
    tokens: int = 0
    first: int = 0
    stop: int = 0
    round: int = 0
    position: int = 0

    def over(self, first: int, stop: int) -> "Place":
        """Return the place for these shards: a changed range begins a new pass."""
        if (first, stop) == (self.first, self.stop):
            return self
        return Place(self.step, self.tokens, first, stop, self.round + 1, 0)


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


def encoded(work: Path, first: int, stop: int) -> list[list[int]]:
    """Return the games of the shards as tokens, from <s> to </s>."""
    end = tokens.vocabulary().index("</s>")
    games = tokens.tokenizer().encode_batch([" ".join(game.san) for game in read(work, first, stop)])
    return [
        with_requests([*game.ids, end], random.Random(f"asked {number}"))[: tokens.CONTEXT] for number, game in enumerate(games)
    ]


def with_requests(game: list[int], rng: random.Random) -> list[int]:
    """Return the game with REQUEST before a few of its moves, as before the answer of a puzzle."""
    return [
        part for token in game for part in ((REQUEST, token) if begins_move(token) and rng.random() < REQUEST_SHARE else (token,))
    ]


def begins_move(token: int) -> bool:
    return token >= len(tokens.SPECIAL) and not VOCABULARY[token].startswith("##")


def padded(games: list[list[int]]) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(game) for game in games], batch_first=True)


def batches(games: list[list[int]], place: Place) -> Iterator[torch.Tensor]:
    """Yield the batches from the place on, (BATCH, length) with 0 for padding; `Training.step` moves the place in a pass."""
    while True:
        rng = random.Random(f"pass {place.round}")
        order = list(range(len(games)))
        rng.shuffle(order)
        blocks = [sorted(order[i : i + BATCH * 50], key=lambda game: len(games[game])) for i in range(0, len(order), BATCH * 50)]
        groups = [block[i : i + BATCH] for block in blocks for i in range(0, len(block), BATCH)]
        rng.shuffle(groups)
        for group in groups[place.position :]:
            yield padded([games[game] for game in group])
        place.round, place.position = place.round + 1, 0


def loss(model: LlamaForCausalLM, batch: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of every token after <s> given those before it; REQUEST is never predicted."""
    with torch.autocast("cpu", torch.bfloat16, enabled=model.config.hidden_size > 128):
        logits = model(input_ids=batch[:, :-1]).logits
    targets = batch[:, 1:].masked_fill(batch[:, 1:] == REQUEST, 0)
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=0)


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

    def step(self, batch: torch.Tensor, factor: float) -> float:
        for optimizer, rate in zip(self.optimizers, RATES.values(), strict=True):
            optimizer.param_groups[0]["lr"] = rate * factor
        value = loss(self.model, batch)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.place.step += 1
        self.place.position += 1
        self.place.tokens += int((batch != 0).sum())
        return value.item()


@torch.no_grad()
def held_out_loss(model: LlamaForCausalLM, games: list[list[int]]) -> float:
    """Return the mean cross-entropy per token, in nats, of games that the model was not trained on."""
    model.train(False)
    total = count = 0.0
    ordered = sorted(games, key=len)
    for i in range(0, len(ordered), BATCH):
        batch = padded(ordered[i : i + BATCH])
        targets = int(((batch[:, 1:] != 0) & (batch[:, 1:] != REQUEST)).sum())
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
played against itself with few nodes a move, and on no puzzles. Cross-entropy on games of the same kind that it has not seen:
{held_out:.3f} nats a token. It plays weak chess and many moves that are not legal; it is made for experiments, as one step of a
ladder of sizes. Weights are stored as fp16. `training/embedded/build_chess` makes it again.
"""


def export(model: LlamaForCausalLM, folder: Path, size: str, seen: int, held_out: float) -> None:
    """Write the model in the layout of the Hub, weights in half precision, with a card."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"parameters": model.num_parameters(), "layers": model.config.num_hidden_layers}
    (folder / "README.md").write_text(CARD.format(size=size, tokens=seen, held_out=held_out, **facts))
    half = LlamaForCausalLM(model.config).half()  # type: ignore[no-untyped-call]
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
    print(f"{training.model.num_parameters():,} parameters, {len(games):,} games, {sum(map(len, games)):,} tokens", flush=True)
    last = begun + options.finish if options.finish else options.steps
    for batch in batches(games, training.place):
        step = training.place.step
        if step >= last or (not options.finish and time.monotonic() - start > 60 * options.minutes):
            break
        recent.append(training.step(batch, (last - step) / options.finish if options.finish else min(1, (step + 1) / WARM_UP)))
        if training.place.step % 200 == 0:
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
