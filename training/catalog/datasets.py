"""The data sets that may be chosen, with sizes, licences, digests and citations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EMBEDDED = Path(__file__).parent.parent / "embedded"


@dataclass(frozen=True)
class DatasetEntry:
    """A labelled text data set; ``digest`` is the SHA-256 of its Parquet file and its fingerprint in every run's key.

    ``texts`` is how many texts an example has: one to be classified, or two of which one is preferred.
    """

    name: str
    title: str
    path: Path
    rows: int
    positive: str
    negative: str
    digest: str
    licence: str
    citation: str
    texts: Literal[1, 2] = 1


HUTTO_GILBERT = (
    "Hutto & Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text, ICWSM 2014"
)

DATASETS: dict[str, DatasetEntry] = {
    "movie-reviews": DatasetEntry(
        name="movie-reviews",
        title="Movie reviews",
        path=EMBEDDED / "movie_reviews.parquet",
        rows=10_568,
        positive="positive",
        negative="negative",
        digest="039a06adc2b09d089084913b873302468e89164eb819474c1af9ee6d74203dc0",
        licence="MIT",
        citation=HUTTO_GILBERT,
    ),
    "movie-preferences": DatasetEntry(
        name="movie-preferences",
        title="Movie preferences",
        path=EMBEDDED / "movie_preferences.parquet",
        rows=3_539,
        positive="the first is rated higher",
        negative="the second is rated higher",
        digest="13c2546e9e131cb9d4daa673867d26c17f8fd08804c21d2103c696abc2a0ef9a",
        licence="MIT",
        citation=HUTTO_GILBERT,
        texts=2,
    ),
}
