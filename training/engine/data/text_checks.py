"""Checks of texts: whether a bag of words can tell them apart, and whether they are ids."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.words import words

BLIND_SHARE = 0.01
"""Share of texts that a bag of words cannot read or tell apart, above which there is a warning."""
ID_SHARE = 0.5
LONGEST_ID = 64

Texts = Sequence[tuple[str, ...]]

ID = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    r"|(?=\S*\d)[\w./:#@+=-]+"  # one piece with a digit
    r"|[^\W\d]+[ #:-]*\d+",  # ticket 123
    re.ASCII | re.IGNORECASE,
)


def warnings(texts: Texts, label: npt.NDArray[np.int8]) -> tuple[str, ...]:
    """Return sentences about a sample of examples, each of one text or of two."""
    return tuple(filter(None, (_ids(texts), _wordless(texts), _same_words(texts, label))))


def is_id(text: str) -> bool:
    """Return whether ``text`` looks like an id rather than a text: TCK-00123, ticket 17, 4711, a UUID."""
    return len(text) <= LONGEST_ID and ID.fullmatch(text.strip()) is not None


def _ids(texts: Texts) -> str:
    ids = [text for example in texts for text in example if is_id(text)]
    total = sum(map(len, texts))
    if len(ids) <= ID_SHARE * total:
        return ""
    return f"{len(ids) / total:.0%} of the texts look like ids, such as “{ids[0]}”: another column may hold the text."


def _wordless(texts: Texts) -> str:
    without = sum(not any(map(words, example)) for example in texts)
    if without < max(1, BLIND_SHARE * len(texts)):
        return ""
    return (
        f"A bag of words sees nothing of {without:,} of {len(texts):,} examples: "
        "they have no letters, digits or emoji. Such examples are all alike to it."
    )


def _same_words(texts: Texts, label: npt.NDArray[np.int8]) -> str:
    """Return a warning of pairs whose two texts have the same words, or of single texts whose words also have another label."""
    bags = [tuple(tuple(sorted(words(text))) for text in example) for example in texts]
    if len(texts) and len(texts[0]) == 2:
        same = sum(first == second and bool(first) for first, second in bags)
    else:
        labels: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for (bag,), value in zip(bags, label.tolist(), strict=True):
            labels[bag].add(value)
        same = sum(len(labels[bag]) > 1 and bool(bag) for (bag,) in bags)
    if same < max(1, BLIND_SHARE * len(texts)):
        return ""
    return (
        f"A bag of words cannot tell the classes of {same:,} of {len(texts):,} examples: "
        "what sets them apart is signs, capitals or the order of words, which it does not see."
    )
