"""Single texts with a label: acceptable or not, positive or not."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row
from training.words import wording

SST2_WORDS = 6
"""Length in words below which phrases of SST-2 are left out: they cannot be traced to their sentence."""


def cola(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield Example(row["sentence"], row["label"], wording(row["sentence"]))


def sst2(row: Row) -> Iterator[Example]:
    """Convert a row. Groups are merged later, since training rows contain phrases of one another (``shared_sequences``)."""
    text = row["sentence"].strip()
    if row["label"] in (0, 1) and len(wording(text).split()) >= SST2_WORDS:
        yield Example(text, row["label"], wording(text))


def twitter_sentiment(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield Example(row["text"], row["label"], wording(row["text"]))


def amazon_polarity(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield Example(f"{row['title']}\n{row['content']}".strip(), row["label"], wording(row["content"]))
