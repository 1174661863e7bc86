"""What the checks found in a data set: counts, lengths, near copies, trivial baselines, and the warnings of all that."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Counts(Finding):
    """How many rows of the source became how many examples, and why the others did not; all but ``read`` are examples."""

    read: int
    """Rows of the source."""
    examples: int
    """Labelled texts that they gave."""
    copies: int
    """Left out as copies of another text, but for case and spaces."""
    conflicts: int
    """Left out because the same text has both labels."""
    unequal: int
    """Left out so that each question has as many right as wrong answers."""
    unbalanced: int
    """Left out, drawn by hash, so that both classes are equally large."""
    kept: int


class Lengths(Finding):
    """Texts by number of words: bin i holds ``edges[i]`` to ``edges[i + 1] - 1`` words, the last one all that are longer."""

    edges: tuple[int, ...]
    zero: tuple[int, ...]
    one: tuple[int, ...]
    median: tuple[float, float]
    """Of class 0 and of class 1, in words; of pairs, of the rejected and of the preferred texts."""


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
    """Share of the larger class among the rows it was scored on."""


class Sample(Finding):
    texts: tuple[str, ...]
    label: int


class Report(Finding):
    """All that is known of a data set beside its texts. ``warnings`` are sentences that stay with every result on it."""

    texts: Literal[1, 2] = 1
    """Of an example: one, or two of which one is preferred."""
    counts: Counts
    ones: int
    """Rows of class 1."""
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
    def balance(self) -> float:
        """Share of class 1."""
        return self.ones / self.counts.kept
