"""A chess position read from its FEN, and moves as squares: no rules of chess, which the data set's lists of legal moves have."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.answers import AnswerRule

FILES, RANKS = "abcdefgh", "87654321"
NAMES = {"k": "king", "q": "queen", "r": "rook", "b": "bishop", "n": "knight", "p": "pawn"}
"""Names of the pieces by their letters in FEN, in the order in which they are told."""

UCI = re.compile(r"([a-h][1-8])([a-h][1-8])[qrbn]?")


@dataclass(frozen=True)
class Position:
    """``pieces``: letter in FEN (capitals for White) by square, such as {"e1": "K"}."""

    pieces: Mapping[str, str]
    white_moves: bool

    @property
    def side(self) -> str:
        return "White" if self.white_moves else "Black"

    @property
    def words(self) -> str:
        """All pieces in words: White: king e1, pawns a2 and b2. Black: king e8."""
        return " ".join(f"{side}: {', '.join(self._side(white))}." for side, white in (("White", True), ("Black", False)))

    def _side(self, white: bool) -> list[str]:
        words = []
        for letter, name in NAMES.items():
            squares = sorted(square for square, piece in self.pieces.items() if piece == (letter.upper() if white else letter))
            if squares:
                places = ", ".join(squares[:-1]) + (" and " if squares[1:] else "") + squares[-1]
                words.append(f"{name}{'s' if squares[1:] else ''} {places}")
        return words


def read_fen(fen: str) -> Position:
    """Return the position of a FEN. Raises ValueError where its first two fields are not those of a board."""
    fields = fen.split()
    ranks = fields[0].split("/") if fields else []
    rows = [re.sub("[1-8]", lambda empty: " " * int(empty[0]), rank) for rank in ranks]
    if len(rows) != 8 or any(not re.fullmatch("[KQRBNPkqrbnp ]{8}", row) for row in rows):
        raise ValueError(f"FEN {fen!r} does not have eight ranks of eight squares.")
    if fields[1:2] not in (["w"], ["b"]):
        raise ValueError(f"FEN {fen!r} does not say which side is to move.")
    pieces = {file + rank: piece for rank, row in zip(RANKS, rows, strict=True) for file, piece in zip(FILES, row, strict=True)}
    return Position({square: piece for square, piece in pieces.items() if piece != " "}, fields[1] == "w")


def squares(uci: str) -> tuple[str, str]:
    """Return the squares from and to of a move such as e7e8q. Raises ValueError."""
    move = UCI.fullmatch(uci)
    if move is None:
        raise ValueError(f"{uci!r} is not a move from square to square.")
    return move[1], move[2]


def legal_move(written: str, legal_san: Sequence[str], legal_uci: Sequence[str]) -> str | None:
    """Return the legal move (UCI) that is written, by the rule for moves; None where what is written is no legal move."""
    rule = AnswerRule(extract="move")
    answer = rule.answer(written)
    return next((uci for san, uci in zip(legal_san, legal_uci, strict=True) if answer and rule.answer(san) == answer), None)
