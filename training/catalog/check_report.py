"""What the checks found in a data set: counts, lengths, near copies, trivial baselines, and the warnings of all that."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Counts(Finding):
    """How many rows of the source became how many examples, and why the others did not.

    All but ``read`` and ``skipped``, which are rows, count examples.
    """

    read: int
    """Rows of the source."""
    skipped: int = 0
    """Rows of somebody's file that give no example: with a label that is not listed, or with two equal texts."""
    examples: int
    """Labelled texts that they gave."""
    copies: int
    """Left out as copies of another text, but for case and spaces."""
    conflicts: int
    """Left out because the same text has more than one label."""
    unequal: int
    """Left out so that each question has as many right as wrong answers."""
    unbalanced: int
    """Left out, drawn by hash, so that all classes are equally large."""
    kept: int


class Lengths(Finding):
    """Texts by number of words: bin i holds ``edges[i]`` to ``edges[i + 1] - 1`` words, the last one all that are longer."""

    edges: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]
    """Texts in each bin, for each class; of pairs, for the rejected and for the preferred texts."""
    median: tuple[float, ...]
    """In words, in the same order."""


class Neighbours(Finding):
    """Rows that are nearly the same text as a row of another group, among the ``compared`` ones."""

    compared: int
    near: int
    examples: tuple[tuple[str, str], ...] = ()
    """A few such pairs, each text cut."""

    @property
    def share(self) -> float:
        return self.near / self.compared if self.compared else 0.0


class Baseline(Finding):
    """A classifier that should not tell the classes apart, trained on some groups and scored on ``n`` rows of others."""

    name: str
    """length, form or words."""
    title: str
    accuracy: float
    low: float
    high: float
    """Ends of the Wilson interval at 95%."""
    n: int
    majority: float
    """Share of the largest class among the rows it was scored on."""


class Sample(Finding):
    texts: tuple[str, ...]
    label: int


class Report(Finding):
    """All that is known of a data set beside its texts. ``warnings`` are sentences that stay with every result on it."""

    texts: Literal[1, 2] = 1
    """Of an example: one, or two of which one is preferred."""
    counts: Counts
    classes: tuple[int, ...]
    """Rows of each class, from 0."""
    groups: int
    largest_group: int
    lengths: Lengths
    neighbours: Neighbours
    baselines: tuple[Baseline, ...]
    """Empty where there are too few rows or groups to train on some and score on others."""
    sampled: int
    """Rows that the baselines were trained and scored on."""
    samples: tuple[Sample, ...]
    warnings: tuple[str, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Of each class among all rows."""
        return tuple(rows / self.counts.kept for rows in self.classes)
