"""Texts of examples in pieces, with marks on search hits and, for two texts, on the words that differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from training.words import pieces
from webapp.example_queries.rows import Pieces

LONGEST_DIFFERENCE = 1500
"""Words; longer texts are shown without marks, since comparing takes the square of their length."""


@dataclass(frozen=True)
class Piece:
    text: str
    hit: bool = False
    differs: bool = False


def sides_of(text: Pieces, other: Pieces | None) -> tuple[list[Piece], list[Piece] | None]:
    """Return a text, or two texts with their differences marked."""
    return (plain(text), None) if other is None else compared(text, other)


def plain(pieces: Pieces) -> list[Piece]:
    return [Piece(text, hit) for hit, text in pieces]


def compared(text: Pieces, other: Pieces) -> tuple[list[Piece], list[Piece]]:
    """Return both texts, with marks on the words that only one of them has."""
    sides = [[(hit, word) for hit, part in side for word in pieces(part)] for side in (text, other)]
    words = [[word for _, word in side] for side in sides]
    if max(map(len, words)) > 2 * LONGEST_DIFFERENCE:
        return plain(text), plain(other)
    differ = [[True] * len(side) for side in sides]
    for block in SequenceMatcher(None, words[0], words[1], autojunk=False).get_matching_blocks():
        differ[0][block.a : block.a + block.size] = [False] * block.size
        differ[1][block.b : block.b + block.size] = [False] * block.size
    first, second = (_joined(side, marks) for side, marks in zip(sides, differ, strict=True))
    return first, second


def _joined(words: Sequence[tuple[bool, str]], differ: Sequence[bool]) -> list[Piece]:
    """Return neighbours with the same marks as one piece; a space is never a difference by itself."""
    joined: list[Piece] = []
    for (hit, word), marked in zip(words, differ, strict=True):
        marked = marked and (not word.isspace() or bool(joined and joined[-1].differs))
        if joined and (joined[-1].hit, joined[-1].differs) == (hit, marked):
            joined[-1] = Piece(joined[-1].text + word, hit, marked)
        else:
            joined.append(Piece(word, hit, marked))
    return joined
