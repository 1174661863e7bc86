"""Texts that are judged as they stand: acceptable or not, positive or not."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row
from training.words import wording

SST2_WORDS = 6
"""Shorter phrases of SST-2 are left out: they cannot be traced to the sentence that they are part of."""


def cola(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield Example(row["sentence"], row["label"], wording(row["sentence"]))


def sst2(row: Row) -> Iterator[Example]:
    """Groups are drawn together later, since the training rows hold phrases of one another (``shared_sequences``)."""
    text = row["sentence"].strip()
    if row["label"] in (0, 1) and len(wording(text).split()) >= SST2_WORDS:
        yield Example(text, row["label"], wording(text))


def twitter_sentiment(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield Example(row["text"], row["label"], wording(row["text"]))


def amazon_polarity(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        yield Example(f"{row['title']}\n{row['content']}".strip(), row["label"], wording(row["content"]))
