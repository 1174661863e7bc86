"""Games as tokens with the legal moves of their positions, in batches of similar lengths."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.embedded.build_chess import tokens
from training.embedded.build_chess.games import read
from training.embedded.build_chess.legal import read_legal

BATCH = 32
"""Games a step, of similar lengths: about 2,600 tokens."""
VOCABULARY = tokens.vocabulary()
REQUEST, REQUEST_SHARE = VOCABULARY.index(tokens.REQUEST), 0.05


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


@dataclass(frozen=True)
class Sample:
    """A game from <s> to </s>. ``legal[i]``: the tokens that may begin a move after token i, empty where no move follows."""

    ids: list[int]
    legal: list[np.ndarray]


@dataclass(frozen=True)
class Batch:
    """Samples side by side: ``ids`` (n, length), 0 for padding.

    Entry j of the others says that token ``legal[j]`` may begin the move after place ``places[j]`` of (n, length - 1), flattened;
    ``shares[j]`` is one over the number of such tokens there.
    """

    ids: torch.Tensor
    places: torch.Tensor
    legal: torch.Tensor
    shares: torch.Tensor


NONE = np.array([], np.int16)


def encoded(work: Path, first: int, stop: int) -> list[Sample]:
    """Return the games of the shards."""
    games = tokens.tokenizer().encode_batch([" ".join(game.san) for game in read(work, first, stop)])
    end = VOCABULARY.index("</s>")
    listed = zip(games, read_legal(work, first, stop), strict=True)
    return [sample([*game.ids, end], legal, random.Random(f"asked {number}")) for number, (game, legal) in enumerate(listed)]


def sample(game: list[int], legal: Sequence[np.ndarray], rng: random.Random) -> Sample:
    """Return the game with REQUEST before a few of its moves, as before the answer of a puzzle."""
    ids = [
        part for token in game for part in ((REQUEST, token) if begins_move(token) and rng.random() < REQUEST_SHARE else (token,))
    ]
    before = iter(legal)
    return Sample(ids, [next(before) if begins_move(token) else NONE for token in ids[1:]])


def begins_move(token: int) -> bool:
    return token >= len(tokens.SPECIAL) and token != REQUEST and not VOCABULARY[token].startswith("##")


def batch_of(samples: Sequence[Sample]) -> Batch:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(item.ids) for item in samples], batch_first=True)
    width = ids.shape[1] - 1
    listed = [(row * width + i, legal) for row, item in enumerate(samples) for i, legal in enumerate(item.legal) if len(legal)]
    counts = np.array([len(legal) for _, legal in listed])
    places = np.repeat([place for place, _ in listed], counts)
    legal = np.concatenate([legal for _, legal in listed]).astype(np.int64)
    shares = np.repeat(1 / counts, counts).astype(np.float32)
    return Batch(ids, torch.from_numpy(places), torch.from_numpy(legal), torch.from_numpy(shares))


def batches(samples: Sequence[Sample], place: Place) -> Iterator[Batch]:
    """Yield the batches from the place on; `Training.step` moves the place in a pass."""
    while True:
        rng = random.Random(f"pass {place.round}")
        order = list(range(len(samples)))
        rng.shuffle(order)
        blocks = [
            sorted(order[i : i + BATCH * 50], key=lambda game: len(samples[game].ids)) for i in range(0, len(order), BATCH * 50)
        ]
        groups = [block[i : i + BATCH] for block in blocks for i in range(0, len(block), BATCH)]
        rng.shuffle(groups)
        for group in groups[place.position :]:
            yield batch_of([samples[game] for game in group])
        place.round, place.position = place.round + 1, 0
