"""Preferences between two replies, each reply as a text of its own: label 1 is the chosen one. The pair is one group."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row, normal

ASSISTANT = "\n\nAssistant:"


def anthropic_hh(row: Row) -> Iterator[Example]:
    """Whole conversations, which differ in the last reply; those about the same opening are one group."""
    chosen, rejected = row["chosen"].strip(), row["rejected"].strip()
    if normal(chosen) != normal(rejected):
        # Up to the first reply: longer conversations go on from shorter ones.
        group = normal(chosen.partition(ASSISTANT)[0])
        yield Example(chosen, 1, group)
        yield Example(rejected, 0, group)


def shp(row: Row) -> Iterator[Example]:
    """Two comments on one post, of which ``labels`` 1 means that A was preferred; all pairs of a post are one group."""
    if row["labels"] in (0, 1) and normal(row["human_ref_A"]) != normal(row["human_ref_B"]):
        for reply, label in ((row["human_ref_A"], row["labels"]), (row["human_ref_B"], 1 - row["labels"])):
            yield Example(f"{row['history']}\n\nReply: {reply}", label, row["post_id"])
