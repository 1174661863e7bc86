"""Write chess_puzzles.parquet from the puzzles of all shards."""

import argparse
import math
import random
from collections.abc import Sequence
from pathlib import Path

import chess
import pyarrow as pa
import pyarrow.parquet as pq

from training.embedded.build_chess.puzzles import Puzzle, numbered, read_puzzles

TARGET = Path(__file__).parent.parent / "chess_puzzles.parquet"
ADJUSTED = {"recapture": -250, "mate in 1": -200, "hanging piece": -100, "quiet move": 200, "sacrifice": 200, "defence": 100}
"""Points of difficulty for a theme."""


def difficulty(puzzle: Puzzle) -> float:
    """Return a number that looks like a rating: 100 for every doubling of the search after which the engine stays with the move.

    It is a rule, not measured on players: themes that are seen at once lower it, moves that are hard to see raise it, and so does
    every doubling of the number of legal moves.
    """
    search = 100 * math.log2(max(puzzle.settled, 8) / 8)
    choice = 100 * math.log2(len(puzzle.legal_uci) / 8)
    return round(700 + search + choice + sum(ADJUSTED.get(theme, 0) for theme in puzzle.themes))


def moves(text: str) -> list[str]:
    """Return the moves of a text without their numbers."""
    return [word for word in text.split() if not word.endswith(".")]


def last_move(text: str) -> str:
    """Return the last of numbered moves as squares from and to."""
    board = chess.Board()
    for move in moves(text):
        board.push_san(move)
    return board.peek().uci()


def chosen(puzzles: Sequence[Puzzle]) -> list[Puzzle]:
    """Return the puzzles in a drawn order, of several with the same position (without its counters) the first one."""
    once = {" ".join(puzzle.fen.split()[:4]): puzzle for puzzle in reversed(puzzles)}
    ordered = sorted(once.values(), key=lambda puzzle: (puzzle.seed, puzzle.ply))
    random.Random("chess puzzles").shuffle(ordered)
    return ordered


def table(puzzles: Sequence[Puzzle]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(len(puzzles)), pa.int64()),
            "text": [numbered(moves(puzzle.text)) for puzzle in puzzles],
            "answers": pa.array([[puzzle.answer] for puzzle in puzzles], pa.list_(pa.string())),
            "group": [f"game {puzzle.seed}" for puzzle in puzzles],
            "difficulty": pa.array(map(difficulty, puzzles), pa.float64()),
            "themes": pa.array([puzzle.themes for puzzle in puzzles], pa.list_(pa.string())),
            "fen": [puzzle.fen for puzzle in puzzles],
            "last_move": [last_move(puzzle.text) for puzzle in puzzles],
            "legal_san": pa.array([puzzle.legal_san for puzzle in puzzles], pa.list_(pa.string())),
            "legal_uci": pa.array([puzzle.legal_uci for puzzle in puzzles], pa.list_(pa.string())),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder of the intermediate files")
    parser.add_argument("shards", type=int, nargs=2, metavar=("FIRST", "STOP"), help="shards of puzzles")
    options = parser.parse_args()
    puzzles = list(read_puzzles(options.work, *options.shards))
    rows = chosen(puzzles)
    pq.write_table(table(rows), TARGET, compression="zstd", compression_level=19, use_dictionary=["themes.list.element"])
    print(f"{len(puzzles):,} puzzles, {len(rows):,} positions, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
