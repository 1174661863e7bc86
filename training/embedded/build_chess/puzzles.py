"""Find puzzles in games that no model was pretrained on: positions with one best move, clearly better than every other.

The puzzles of a shard depend on its games alone. A shard whose puzzles exist is kept.
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

from training.embedded.build_chess.games import Game, read
from training.embedded.build_chess.themes import themes
from training.embedded.build_chess.uci import MATE, Engine, Line, last

FIRST_PLY, LAST_PLY = 8, 60
SWING = 120
"""Centipawns that the opponent's last move gave away by the scores of the game, for a position to be searched."""
DECIDED = 600
"""No puzzle where the side to move was that many centipawns ahead before the opponent's last move, or is behind after its own."""
SEARCHES = ((500, 0.2), (4_000, 0.35))
"""Nodes of each search and the least difference of the chances to win (-1 to 1) after its best and its second move."""
PER_GAME = 4


@dataclass(frozen=True)
class Puzzle:
    """A position as the moves up to it, with the one best move and what tells how hard it is to find.

    ``settled``: nodes after which the engine no longer changed its best move; ``gap``: difference of the chances to win.
    """

    seed: int
    ply: int
    text: str
    answer: str
    fen: str
    themes: list[str]
    legal_san: list[str]
    legal_uci: list[str]
    settled: int
    score: int
    gap: float


def chance(score: int) -> float:
    """Return the chance to win less the chance to lose by the logistic curve of Lichess, from centipawns."""
    return 2 / (1 + math.exp(-0.00368208 * max(-1000, min(1000, score)))) - 1


def numbered(san: list[str]) -> str:
    """Return moves as in PGN, and the number of the move that is asked for: "1. e4 e5 2." or, of Black, "1. e4 1..."."""
    words = [word for i, move in enumerate(san) for word in ([f"{i // 2 + 1}."] if i % 2 == 0 else []) + [move]]
    return " ".join([*words, f"{len(san) // 2 + 1}." + (".." if len(san) % 2 else "")])


def candidates(game: Game) -> list[int]:
    """Return the plies before which the opponent erred, in an order drawn by the game's number."""
    plies = [
        ply
        for ply in range(FIRST_PLY, min(LAST_PLY, len(game.uci) - 1) + 1)
        if (game.scores[ply] + game.scores[ply - 1] >= SWING and -game.scores[ply - 1] < DECIDED)
        or MATE - 3 <= game.scores[ply] < MATE
    ]
    random.Random(f"puzzle {game.seed}").shuffle(plies)
    return plies


def difference(lines: list[Line]) -> float:
    """Return by how much the best move is better than the second; infinite for an only move, which is no puzzle."""
    return chance(lines[0].score) - chance(lines[1].score) if len(lines) > 1 else math.inf


def settled(lines: list[Line], best: str) -> int:
    """Return the nodes from which on every report of rank 1 had this move first."""
    since = 0
    for line in lines:
        if line.rank == 1 and line.moves[0] != best:
            since = 0
        elif line.rank == 1 and not since:
            since = line.nodes
    return since


def puzzle(engine: Engine, game: Game, ply: int) -> Puzzle | None:
    moves = game.uci[:ply]
    for nodes, least in SEARCHES:
        if nodes == SEARCHES[-1][0]:
            engine.new_game()
        lines = engine.search(moves, nodes, 2)
        best, gap = last(lines)[0], difference(last(lines))
        if not least <= gap < math.inf or best.score < -DECIDED:
            return None
    board = chess.Board()
    for move in moves:
        board.push_uci(move)
    legal = sorted((move.uci(), board.san(move)) for move in board.legal_moves)
    answer = chess.Move.from_uci(best.moves[0])
    return Puzzle(
        seed=game.seed,
        ply=ply,
        text=numbered(game.san[:ply]),
        answer=board.san(answer),
        fen=board.fen(),
        themes=themes(board, answer, best.score),
        legal_san=[san for _, san in legal],
        legal_uci=[uci for uci, _ in legal],
        settled=settled(lines, best.moves[0]),
        score=best.score,
        gap=round(gap, 4),
    )


def of_game(engine: Engine, game: Game) -> list[Puzzle]:
    puzzles: list[Puzzle] = []
    engine.new_game()
    for ply in candidates(game):
        if len(puzzles) < PER_GAME and (new := puzzle(engine, game, ply)):
            puzzles.append(new)
    return sorted(puzzles, key=lambda new: new.ply)


def path(work: Path, shard: int) -> Path:
    return work / "puzzles" / f"{shard:05d}.jsonl.gz"


def read_puzzles(work: Path, first: int, stop: int) -> Iterator[Puzzle]:
    for shard in range(first, stop):
        with gzip.open(path(work, shard), "rt") as file:
            yield from (Puzzle(**json.loads(line)) for line in file)


def write(work: Path, shard: int, engine: Engine) -> None:
    temporary = path(work, shard).with_suffix(f".{os.getpid()}")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(temporary, "wt") as file:
        for game in read(work, shard, shard + 1):
            for new in of_game(engine, game):
                file.write(json.dumps(vars(new), separators=(",", ":")) + "\n")
    temporary.rename(path(work, shard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder of the intermediate files")
    parser.add_argument("shards", type=int, nargs=2, metavar=("FIRST", "STOP"), help="shards of games to search")
    parser.add_argument("--step", type=int, default=1, help="search every STEP-th shard: several processes share the work")
    options = parser.parse_args()
    with Engine(hash_mib=4) as engine:
        first, stop = options.shards
        for shard in range(first, stop, options.step):
            if not path(options.work, shard).exists():
                write(options.work, shard, engine)
            print(f"{engine.name}: puzzles of shard {shard}", flush=True)


if __name__ == "__main__":
    main()
