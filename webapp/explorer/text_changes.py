"""The differences of a written text from a reference, word by word, as deletions and insertions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from training.words import pieces
from webapp.explorer.marked_text import LONGEST_DIFFERENCE

MOST_PAIRS = 400_000
"""Pairs of equal parts of two texts up to which they are compared, in less than a second."""


@dataclass(frozen=True)
class Change:
    """A part of a text: in both, only in the reference (``missing``), or only in what was written (``added``)."""

    kind: Literal["same", "missing", "added"]
    text: str


def changes(reference: str, written: str) -> list[Change] | None:
    """Return the parts of ``written`` and what it lacks of ``reference``, in order; None where one of them is too long.

    The parts that are not added, joined, are ``reference``, and those that are not missing are ``written``.
    """
    before, after = pieces(reference), pieces(written)
    if too_long(before, after):
        return None
    parts: list[Change] = []
    for tag, a, a_end, b, b_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        removed, inserted = "".join(before[a:a_end]), "".join(after[b:b_end])
        if tag == "equal":
            parts.append(Change("same", removed))
            continue
        parts += [Change("missing", removed)] if removed else []
        parts += [Change("added", inserted)] if inserted else []
    return parts


def changes_from(references: Sequence[str], written: str) -> tuple[list[Change] | None, str]:
    """Return the changes from the reference that shares most words with ``written``, the first of several, and that reference."""

    after = Counter(pieces(written))

    def likeness(reference: str) -> float:
        before = Counter(pieces(reference))
        return 2 * (before & after).total() / max(1, before.total() + after.total())

    nearest = max(references, key=likeness) if len(references) > 1 else references[0]
    return changes(nearest, written), nearest


def too_long(before: Sequence[str], after: Sequence[str]) -> bool:
    """Return whether a comparison would take too long: it visits every pair of equal parts, and texts of few words have many."""
    if max(len(before), len(after)) > 2 * LONGEST_DIFFERENCE:
        return True
    again = Counter(after)
    return sum(number * again[part] for part, number in Counter(before).items()) > MOST_PAIRS
