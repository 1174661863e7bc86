"""List the legal moves of every position of the games as the tokens that may begin the next move.

The list of a shard depends on its games alone. A shard whose list exists is kept.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import chess
import numpy as np

from training.embedded.build_chess import tokens
from training.embedded.build_chess.games import read

NUMBERS = {token: number for number, token in enumerate(tokens.vocabulary())}


def beginnings(board: chess.Board) -> set[str]:
    """Return the first token of every legal move: "Nd2", or "Nb" where knights from b and f may both go to d2."""
    words = set[str]()
    origins = defaultdict[tuple[chess.PieceType, chess.Square], list[chess.Square]](list)
    for move in board.legal_moves:
        piece = board.piece_type_at(move.from_square)
        if board.is_castling(move):
            words.add("O-O" if chess.square_file(move.to_square) > 4 else "O-O-O")
        elif piece == chess.PAWN:
            file, straight = _file(move.from_square), chess.square_file(move.from_square) == chess.square_file(move.to_square)
            words.add(("" if straight else f"{file}x") + chess.square_name(move.to_square))
        elif piece:
            origins[piece, move.to_square].append(move.from_square)
    for (piece, target), squares in origins.items():
        letter, taken = chess.piece_symbol(piece).upper(), "x" if board.piece_type_at(target) else ""
        if len(squares) == 1:
            words.add(letter + taken + chess.square_name(target))
        else:
            words |= {letter + _origin(square, squares) for square in squares}
    return words


def _file(square: chess.Square) -> str:
    return chess.FILE_NAMES[chess.square_file(square)]


def _origin(square: chess.Square, squares: list[chess.Square]) -> str:
    """Return what tells a square from the others that a piece of the kind may come from: its file, its rank or both."""
    others = [other for other in squares if other != square]
    rank = any(chess.square_file(other) == chess.square_file(square) for other in others)
    file = not rank or any(chess.square_rank(other) == chess.square_rank(square) for other in others)
    return (_file(square) if file else "") + (chess.RANK_NAMES[chess.square_rank(square)] if rank else "")


def of_game(uci: list[str]) -> Iterator[list[int]]:
    """Yield the numbers of these tokens before every move."""
    board = chess.Board()
    for move in uci:
        yield sorted(NUMBERS[token] for token in beginnings(board))
        board.push_uci(move)


def path(work: Path, shard: int) -> Path:
    return work / "legal" / f"{shard:05d}.npz"


def read_legal(work: Path, first: int, stop: int) -> Iterator[list[np.ndarray]]:
    """Yield, for every game of the shards, the numbers of the tokens before each of its moves."""
    for shard in range(first, stop):
        with np.load(path(work, shard), allow_pickle=False) as file:
            positions = np.split(file["tokens"], np.cumsum(file["counts"])[:-1])
        at = iter(positions)
        for game in read(work, shard, shard + 1):
            yield [next(at) for _ in game.uci]


def write(work: Path, shard: int) -> None:
    listed = [position for game in read(work, shard, shard + 1) for position in of_game(game.uci)]
    temporary = path(work, shard).with_suffix(f".{os.getpid()}.npz")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    counts = np.array([len(position) for position in listed], np.uint8)
    np.savez_compressed(temporary, tokens=np.concatenate([np.array(position, np.int16) for position in listed]), counts=counts)
    temporary.rename(path(work, shard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder of the intermediate files")
    parser.add_argument("shards", type=int, nargs=2, metavar=("FIRST", "STOP"), help="shards of games")
    options = parser.parse_args()
    for shard in range(*options.shards):
        if not path(options.work, shard).exists():
            write(options.work, shard)
        print(f"legal moves of shard {shard}", flush=True)


if __name__ == "__main__":
    main()
