"""Texts of examples in pieces: what was searched for is marked, and of two texts the words in which they differ."""

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
    found: bool = False
    differs: bool = False


def sides_of(one: Pieces, other: Pieces | None) -> tuple[list[Piece], list[Piece] | None]:
    """A text, or two texts with their differences marked."""
    return (plain(one), None) if other is None else compared(one, other)


def plain(pieces: Pieces) -> list[Piece]:
    return [Piece(text, found) for found, text in pieces]


def compared(one: Pieces, other: Pieces) -> tuple[list[Piece], list[Piece]]:
    """Both texts, with the words that only one of them has marked."""
    sides = [[(found, word) for found, text in side for word in pieces(text)] for side in (one, other)]
    words = [[word for _, word in side] for side in sides]
    if max(map(len, words)) > 2 * LONGEST_DIFFERENCE:
        return plain(one), plain(other)
    differ = [[True] * len(side) for side in sides]
    for block in SequenceMatcher(None, words[0], words[1], autojunk=False).get_matching_blocks():
        differ[0][block.a : block.a + block.size] = [False] * block.size
        differ[1][block.b : block.b + block.size] = [False] * block.size
    first, second = (_joined(side, marks) for side, marks in zip(sides, differ, strict=True))
    return first, second


def _joined(words: Sequence[tuple[bool, str]], differ: Sequence[bool]) -> list[Piece]:
    """Neighbours that are marked alike as one piece; a space is never a difference by itself."""
    found: list[Piece] = []
    for (hit, word), marked in zip(words, differ, strict=True):
        marked = marked and (not word.isspace() or bool(found and found[-1].differs))
        if found and (found[-1].found, found[-1].differs) == (hit, marked):
            found[-1] = Piece(found[-1].text + word, hit, marked)
        else:
            found.append(Piece(word, hit, marked))
    return found
