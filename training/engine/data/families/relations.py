"""Relations between two texts: entailment, paraphrase, one sense of a word, a question and its passage."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row
from training.words import wording

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


def anli(row: Row) -> Iterator[Example]:
    """Convert a row: entailment against neutral and contradiction together."""
    if row["label"] in (ENTAILMENT, NEUTRAL, CONTRADICTION):
        text = f"{row['premise']}\n\nThis implies: {row['hypothesis']}"
        yield Example(text, int(row["label"] == ENTAILMENT), wording(row["premise"]))


def boolq(row: Row) -> Iterator[Example]:
    """Convert a row. The source's answer is true or false; its questions have neither a capital nor a question mark."""
    if row["answer"] in (True, False):
        text = f"{row['passage']}\n\nIs the answer yes? {row['question']}"
        yield Example(text, int(row["answer"]), wording(row["passage"]))


def paws(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        text = f"One: {row['sentence1']}\nTwo: {row['sentence2']}\n\nBoth say the same."
        # The second sentence permutes the words of the first, and pairs occur in both orders.
        yield Example(text, row["label"], " ".join(sorted(wording(row["sentence1"]).split())))


def wic(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        text = f"One: {row['sentence1']}\nTwo: {row['sentence2']}\n\nThe word “{row['word']}” means the same in both."
        yield Example(text, row["label"], wording(row["word"]))
