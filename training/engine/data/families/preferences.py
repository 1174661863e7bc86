"""Preferences between two replies to one prompt: pairs of texts with label 1 where the first is preferred."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row, preference
from training.words import wording

ASSISTANT = "\n\nAssistant:"


def anthropic_hh(row: Row) -> Iterator[Example]:
    """Convert two whole conversations, which differ in the last reply; those with the same opening are one group."""
    chosen, rejected = row["chosen"].strip(), row["rejected"].strip()
    # Up to the first reply: longer conversations continue shorter ones.
    yield from preference(chosen, rejected, wording(chosen.partition(ASSISTANT)[0]))


def shp(row: Row) -> Iterator[Example]:
    """Convert two comments on one post; ``labels`` 1 means that A was preferred. All pairs of a post are one group."""
    if row["labels"] in (0, 1):
        texts = [f"{row['history']}\n\nReply: {row[side]}" for side in ("human_ref_A", "human_ref_B")]
        preferred, other = texts if row["labels"] else texts[::-1]
        yield from preference(preferred, other, row["post_id"])
