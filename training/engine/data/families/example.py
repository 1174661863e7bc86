"""Converted examples, and helpers of all families: hashes that are equal in every process, and pairs of answers."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.words import identity

Row = Mapping[str, Any]
"""A row of the source, by column."""


@dataclass(frozen=True)
class Example:
    """A text with label 0 or 1. Examples of one ``group`` stay together in every split.

    ``question`` is empty, or names a question whose right and wrong answers are kept in equal numbers. ``text_b`` is empty, or
    the text that ``text`` is compared with: label 1 then means that ``text`` is preferred.
    """

    text: str
    label: int
    group: str
    question: str = ""
    text_b: str = ""


@dataclass(frozen=True)
class Prompt:
    """A prompt with its accepted answers, of which the first is trained on. Prompts of one ``group`` stay together.

    ``further`` are the values of the further columns of the data set, in their order.
    """

    text: str
    answers: tuple[str, ...]
    group: str
    difficulty: float | None = None
    further: tuple[str, ...] = ()


Convert = Callable[[Row], Iterator[Example]]
"""A pure function from one row of the source to its examples; none where the source gives no label."""


def stable(*parts: object) -> int:
    """Return an integer from 0 to 2^63 - 1 that is equal for equal parts in every process and version."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def pick(candidates: Sequence[str], *seed: object) -> str:
    """Return one of the candidates, by hash."""
    return candidates[stable("pick", *seed) % len(candidates)]


def right_and_wrong(
    ask: Callable[[str], str], question: str, answers: Sequence[str], right: int, group: str
) -> Iterator[Example]:
    """Yield two examples of one question: its right answer, and a wrong one chosen by hash. ``ask`` fills an answer in."""
    wrong = [answer for index, answer in enumerate(answers) if index != right and identity(answer) != identity(answers[right])]
    if wrong:
        yield Example(ask(answers[right]), 1, group)
        yield Example(ask(pick(wrong, group, question)), 0, group)


def preference(preferred: str, other: str, group: str) -> Iterator[Example]:
    """Yield one example of two texts, none where they are equal. A hash draws which comes first.

    It is a hash of the set of the two texts, so that the draw does not depend on which is preferred, and a pair that was judged
    both ways is one text pair with both labels.
    """
    if identity(preferred) != identity(other):
        text, text_b = sorted((preferred, other), reverse=stable("order", *sorted((preferred, other))) % 2 == 1)
        yield Example(text, int(text == preferred), group, text_b=text_b)
