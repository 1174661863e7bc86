"""Play the games: an engine against itself with few nodes a move, its choices softened, players of different strength.

Game i depends on i alone: the same number gives the same game, whatever was played before. A shard that exists is kept.
"""

import argparse
import gzip
import json
import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import chess

from training.embedded.build_chess.uci import Engine, Line, last

SHARD = 500
NODES = (50, 100)
TEMPERATURES = (5.0, 15.0, 30.0, 60.0)
"""Centipawns of the softmax over the engine's variations: at 60 a move worse by 60 is chosen 1/e as often as the best."""
BLUNDERS = (0.0, 0.0, 0.02, 0.04)
"""The chance that a player moves at random."""
VARIATIONS = 4
OPENING_VARIATIONS, OPENING_TEMPERATURE = 10, 50.0
LONGEST = 80
RESIGN, RESIGN_PLIES = 900, 5
DRAW, DRAW_PLIES, DRAW_FROM = 15, 16, 50


@dataclass(frozen=True)
class Player:
    nodes: int
    temperature: float
    blunder: float


@dataclass(frozen=True)
class Game:
    """A game: moves in UCI and in SAN; before every move the engine's score in centipawns for the side to move."""

    seed: int
    end: str
    uci: list[str]
    san: list[str]
    scores: list[int]


def softened(lines: list[Line], temperature: float, rng: random.Random) -> str:
    """Draw a first move with probability proportional to exp(score / temperature)."""
    best = max(line.score for line in lines)
    weights = [math.exp((line.score - best) / temperature) for line in lines]
    return rng.choices([line.moves[0] for line in lines], weights)[0]


def ended(board: chess.Board, scores: list[int], resigns: bool) -> str | None:
    """Return why the game is over, or None: the rules first, then resignation and agreed draws by the engine's scores."""
    if not any(board.generate_legal_moves()):
        return "checkmate" if board.is_check() else "stalemate"
    if board.is_insufficient_material() or board.halfmove_clock >= 100 or board.is_repetition(3):
        return "draw"
    if resigns and len(scores) >= RESIGN_PLIES and min(abs(score) for score in scores[-RESIGN_PLIES:]) >= RESIGN:
        return "resignation"
    if len(scores) >= DRAW_FROM and max(abs(score) for score in scores[-DRAW_PLIES:]) <= DRAW:
        return "draw"
    return "longest" if len(scores) >= LONGEST else None


def play(engine: Engine, seed: int) -> Game:
    rng = random.Random(f"game {seed}")
    players = [Player(rng.choice(NODES), rng.choice(TEMPERATURES), rng.choice(BLUNDERS)) for _ in range(2)]
    at_random, opening, resigns = rng.randint(0, 2), rng.randint(4, 10), rng.random() < 0.6
    board, scores, uci, san = chess.Board(), list[int](), list[str](), list[str]()
    engine.new_game()
    while (end := ended(board, scores, resigns)) is None:
        ply, player = len(uci), players[len(uci) % 2]
        early = ply < opening
        lines = last(engine.search(uci, player.nodes, OPENING_VARIATIONS if early else VARIATIONS))
        if ply < at_random or rng.random() < player.blunder:
            move = rng.choice(sorted(move.uci() for move in board.legal_moves))
        else:
            move = softened(lines, OPENING_TEMPERATURE if early else player.temperature, rng)
        scores.append(lines[0].score)
        uci.append(move)
        san.append(board.san_and_push(chess.Move.from_uci(move)))
    return Game(seed, end, uci, san, scores)


def path(work: Path, shard: int) -> Path:
    return work / "games" / f"{shard:05d}.jsonl.gz"


def read(work: Path, first: int, stop: int) -> Iterator[Game]:
    """Yield the games of shards first <= shard < stop."""
    for shard in range(first, stop):
        with gzip.open(path(work, shard), "rt") as file:
            yield from (Game(**json.loads(line)) for line in file)


def write(work: Path, shard: int, engine: Engine) -> None:
    """Play one shard. It appears whole under its name: a process killed while it plays leaves no partial shard."""
    temporary = path(work, shard).with_suffix(f".{os.getpid()}")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(temporary, "wt") as file:
        for seed in range(shard * SHARD, (shard + 1) * SHARD):
            file.write(json.dumps(vars(play(engine, seed)), separators=(",", ":")) + "\n")
    temporary.rename(path(work, shard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder of the intermediate files")
    parser.add_argument("shards", type=int, nargs=2, metavar=("FIRST", "STOP"), help=f"shards of {SHARD} games to play")
    parser.add_argument("--step", type=int, default=1, help="play every STEP-th shard: several processes share the work")
    options = parser.parse_args()
    with Engine() as engine:
        first, stop = options.shards
        for shard in range(first, stop, options.step):
            if not path(options.work, shard).exists():
                write(options.work, shard, engine)
            print(f"{engine.name}: shard {shard} of {stop}", flush=True)


if __name__ == "__main__":
    main()
