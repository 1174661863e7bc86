"""The data sets that may be chosen, with sizes, licences, digests and citations: embedded ones, and those in the library."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from training.answers import AnswerRule
from training.catalog import library
from training.catalog.bundles import entry_of
from training.catalog.check_report import FeatureArray, Report
from training.catalog.models import ModelEntry
from training.names import FEATURES

MOST_CLASSES = 1_000
"""Largest number of classes; the probabilities of all classes are stored for every predicted example."""

EMBEDDED = Path(__file__).parent.parent / "embedded"


Task = Literal["classification", "preferences", "generative"]


@dataclass(frozen=True)
class DatasetEntry:
    """A data set; ``digest`` is the SHA-256 of its Parquet file and its fingerprint in every run's key.

    ``classes`` are the meanings of the labels, from 0. ``texts`` is the number of texts of an example: one to be classified, or
    two of which one is preferred. A generative data set has ``answers``, the rule that finds an answer in what is written, and no
    classes; the columns of its file are described in ``training.answers``. A feature bundle has ``arrays``, and its texts are
    the names of its rows.
    Of a data set of ``images`` they are the names of the images.
    """

    name: str
    title: str
    path: Path
    rows: int
    classes: tuple[str, ...]
    digest: str
    licence: str
    citation: str
    source: str = ""
    group: str = ""
    texts: Literal[1, 2] = 1
    answers: AnswerRule | None = None
    images: bool = False
    arrays: tuple[FeatureArray, ...] = ()
    parts: dict[str, int] = field(default_factory=dict, hash=False)
    """Rows of each part of a split that the data set gives; empty where the split is drawn."""

    @property
    def models(self) -> dict[str, ModelEntry]:
        """The models of a feature bundle by name, one for each of its arrays; none for texts, which any other model reads."""
        return {name: entry_of(name, array) for array in self.arrays if (name := f"{FEATURES}{array.name}")}

    @property
    def task(self) -> Task:
        """The task of a model: to give one of the classes, to say which of two texts is preferred, or to write an answer."""
        if self.answers:
            return "generative"
        return "preferences" if self.texts == 2 else "classification"

    @property
    def report(self) -> Report | None:
        """The report of the checks; None where there is none."""
        card = library.get(self.name)
        if card and card.fingerprint == self.digest:
            return card.report
        path = self.path.with_suffix(".json")
        return _embedded_report(path) if path.exists() else None

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.report.warnings if self.report else ()


HUTTO_GILBERT = (
    "Hutto & Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM 2014"
)

FASHION = (
    *("T-shirt or top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
"""The classes of Fashion-MNIST, from 0."""

DATASETS: dict[str, DatasetEntry] = {
    "movie-reviews": DatasetEntry(
        name="movie-reviews",
        title="Movie reviews",
        path=EMBEDDED / "movie_reviews.parquet",
        rows=10_568,
        classes=("negative", "positive"),
        digest="039a06adc2b09d089084913b873302468e89164eb819474c1af9ee6d74203dc0",
        licence="MIT",
        citation=HUTTO_GILBERT,
        source="vaderSentiment 3.3.2 on PyPI",
        group="the same words",
    ),
    "movie-preferences": DatasetEntry(
        name="movie-preferences",
        title="Movie preferences",
        path=EMBEDDED / "movie_preferences.parquet",
        rows=3_539,
        classes=("the second is rated higher", "the first is rated higher"),
        digest="13c2546e9e131cb9d4daa673867d26c17f8fd08804c21d2103c696abc2a0ef9a",
        licence="MIT",
        citation=HUTTO_GILBERT,
        source="vaderSentiment 3.3.2 on PyPI",
        group="the pair itself",
        texts=2,
    ),
    "chess-puzzles": DatasetEntry(
        name="chess-puzzles",
        title="Chess puzzles",
        path=EMBEDDED / "chess_puzzles.parquet",
        rows=4_452,
        classes=(),
        digest="ccf3c2e53ded87349644d9490f589f4dd2b2a48500ecceb87ab095003ecda478",
        licence="MIT",
        citation="Made for this laboratory, in the format of Burns et al. (2023), Weak-to-Strong Generalization",
        source="games of Stockfish 15.1 against itself",
        group="the game",
        answers=AnswerRule(extract="move"),
    ),
    "fashion-mnist": DatasetEntry(
        name="fashion-mnist",
        title="Fashion-MNIST, a part",
        path=EMBEDDED / "fashion_mnist.parquet",
        rows=7_000,
        classes=FASHION,
        digest="e86a48fa0a64881448b20c40966c8bccaa7a73b7cccc71164afd89debd2da38e",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf (2017), Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
        "Algorithms, arXiv:1708.07747",
        source="dataset-fashion-mnist 0.0~git20200523.55506a9 of Debian",
        group="the same pixels",
        images=True,
    ),
}
"""The embedded data sets, which ship with the laboratory."""


BROUGHT: dict[str, str] = {
    "imagenet-validation": "The 50,000 validation images of ImageNet are not here, and its terms let nobody pass them on: import "
    "your own copy of them as “imagenet-validation”. The how-to “Run the vision protocol” says how.",
}
"""Data sets of shipped recipes that cannot ship or be fetched, by name, with a sentence on how to bring them."""


def from_library(name: str) -> DatasetEntry | None:
    """Return the imported or fetched data set of this name, None without one."""
    card = library.get(name)
    if card is None:
        return None
    return DatasetEntry(
        name=card.name,
        title=card.title,
        path=library.file_of(card.fingerprint),
        rows=card.rows,
        classes=card.classes,
        digest=card.fingerprint,
        licence=card.licence,
        citation=card.citation,
        source=card.source,
        group=card.group,
        texts=card.report.texts,
        answers=card.answers,
        arrays=card.report.arrays,
        parts=card.report.parts,
        images=card.report.images is not None,
    )


@cache
def _embedded_report(path: Path) -> Report:
    return Report.model_validate_json(path.read_bytes())
