"""The report of the checks of a data set: counts, lengths, near copies, trivial baselines, and the warnings that follow."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Counts(Finding):
    """Counts from the rows of the source to the kept examples, by reason of exclusion.

    ``read`` and ``skipped`` count rows; all others count examples.
    """

    read: int
    """Rows of the source."""
    skipped: int = 0
    """Rows of an imported file without an example: a label that is not listed, two equal texts, or a broken image."""
    examples: int
    """Labelled texts, or prompts with answers, made from the rows."""
    copies: int
    """Left out as copies of another text, up to case and spaces."""
    conflicts: int
    """Left out because the same text has more than one label, or different answers."""
    unequal: int
    """Left out so that each question has as many right as wrong answers."""
    unbalanced: int
    """Left out, drawn by hash, so that all classes are equally large."""
    kept: int


class Lengths(Finding):
    """A histogram of words per text: bin i holds ``edges[i]`` to ``edges[i + 1] - 1`` words, the last one all longer texts."""

    edges: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]
    """Texts in each bin, for each class; for pairs, for the rejected and the preferred texts; for prompts and answers."""
    median: tuple[float, ...]
    """Median words, in the same order."""


class Neighbours(Finding):
    """Near copies among the ``compared`` rows: ``near`` rows are almost equal to a row of another group."""

    compared: int
    near: int
    examples: tuple[tuple[str, str], ...] = ()
    """A few such pairs, with truncated texts, or the names of images."""
    pictures: tuple[tuple[str, str], ...] = ()
    """The thumbnails of such images, as addresses that contain them."""

    @property
    def share(self) -> float:
        return self.near / self.compared if self.compared else 0.0


class Baseline(Finding):
    """A classifier that should not separate the classes, trained on some groups and scored on ``n`` rows of others."""

    name: str
    """One of length, form and words; of images, form and colours."""
    title: str
    accuracy: float
    low: float
    high: float
    """Ends of the Wilson interval at 95%."""
    n: int
    majority: float
    """Share of the largest class among the scored rows."""


class Sample(Finding):
    """An example: its texts, and its label or its accepted answers."""

    texts: tuple[str, ...]
    label: int | None = None
    answers: tuple[str, ...] = ()
    picture: str = ""
    """The thumbnail of an image, as a data: address."""


class AnswerReport(Finding):
    """The answers of a generative data set; answers are compared by the data set's rule, and the first of each row counts."""

    distinct: int
    """Number of different answers."""
    commonest: str
    commonest_rows: int
    """Rows with the commonest answer: what a model gets right that always writes it."""
    several: int
    """Rows with more than one accepted answer."""
    prompt_characters: tuple[int, int]
    """Median and largest number of characters of a prompt."""
    answer_characters: tuple[int, int]
    """Median and largest number of characters of an answer that is trained on."""
    difficulty: tuple[float, float, float] | None = None
    """Smallest, median and largest difficulty."""
    columns: tuple[str, ...] = ()
    """Further columns, which are shown with an example."""


class FeatureArray(Finding):
    """An array of a feature bundle: ``width`` numbers for each row, stored as they came."""

    name: str
    width: int
    type: Literal["float16", "float32"]
    constant: int
    """Features that have one value in all rows."""
    mean: float
    """Mean of the absolute values of all its numbers."""
    learning_rate: float
    """Learning rate of a probe at which a step changes a logit by about one: the inverse of the mean sum of absolute values."""

    @property
    def row_bytes(self) -> int:
        return self.width * (2 if self.type == "float16" else 4)


class ImageReport(Finding):
    """The images of a data set, with their sizes before they were made smaller for the laboratory."""

    width: tuple[int, int, int]
    """Smallest, median and largest width in pixels."""
    height: tuple[int, int, int]
    grey: int
    """Rows whose image is stored in grey."""
    reduced: int
    """Rows whose image is stored smaller than it was."""
    formats: dict[str, int]
    """Rows by the format of their file."""
    broken: tuple[str, ...] = ()
    """Sentences about the first images that could not be read and were left out."""
    bytes: int
    """Size of all stored images."""


class Report(Finding):
    """The report on a data set. ``warnings`` are sentences that stay with every result on it."""

    texts: Literal[1, 2] = 1
    """Texts of an example: one, or two of which one is preferred."""
    counts: Counts
    classes: tuple[int, ...]
    """Rows of each class, from 0; none for a generative data set."""
    answers: AnswerReport | None = None
    """Findings about the answers of a generative data set."""
    arrays: tuple[FeatureArray, ...] = ()
    """Arrays of a feature bundle; none for texts."""
    parts: dict[str, int] = {}
    """Rows of each part of a split that the file gives; empty where the laboratory draws it."""
    images: ImageReport | None = None
    """Findings about the images of a data set of images, which has no lengths."""
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
        """The share of each class among all rows."""
        return tuple(rows / self.counts.kept for rows in self.classes)
