"""The figure of a chess puzzle: its board, the written moves as arrows in the colours of their roles, and their list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.charts.chess_board import Arrow, chess_board
from webapp.charts.chess_position import legal_move
from webapp.charts.styles import Style

COLUMNS = ("fen", "legal_san", "legal_uci")
"""Columns of a data set whose examples have boards; ``last_move`` is optional. Legal moves are a list or one text."""


@dataclass(frozen=True)
class Written:
    """The move that the model of a role wrote, and whether it is the best one; None where no answer is the best."""

    role: str
    style: Style
    text: str
    right: bool | None = None


@dataclass(frozen=True)
class Move:
    """A written move in the list. ``verdict``: right, wrong, not a legal move, or nothing."""

    written: Written
    verdict: str

    @property
    def title(self) -> str:
        return f"{self.written.role}: {self.written.text or 'nothing'}" + (f", {self.verdict}" if self.verdict else "")


@dataclass(frozen=True)
class Figure:
    picture: str
    moves: list[Move]


def chess_figure(row: Mapping[str, Any], written: Sequence[Written] = ()) -> Figure | None:
    """Return the figure of a row of a data set; None where the row has no position that can be drawn."""
    if not all(row.get(name) for name in COLUMNS):
        return None
    legal_san, legal_uci = (_listed(row[name]) for name in COLUMNS[1:])
    if len(legal_san) != len(legal_uci):
        return None
    legal = [legal_move(answer.text, legal_san, legal_uci) for answer in written]
    moves = [Move(answer, _verdict(answer, uci)) for answer, uci in zip(written, legal, strict=True)]
    arrows = [Arrow(uci, move.written.style, move.title) for move, uci in zip(moves, legal, strict=True) if uci]
    try:
        return Figure(chess_board(row["fen"], arrows, row.get("last_move")), moves)
    except ValueError:  # columns with these names and another content
        return None


def _listed(moves: str | Sequence[str]) -> Sequence[str]:
    """Return moves as a list; an import keeps a list as one text."""
    return moves.replace(",", " ").split() if isinstance(moves, str) else moves


def _verdict(written: Written, uci: str | None) -> str:
    if not written.text.strip():
        return ""
    if uci is None:
        return "not a legal move"
    return "" if written.right is None else "right" if written.right else "wrong"
