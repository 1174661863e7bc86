"""The data sets that may be chosen, with sizes, licences, digests and citations."""

from dataclasses import dataclass
from pathlib import Path

EMBEDDED = Path(__file__).parent.parent / "embedded"


@dataclass(frozen=True)
class DatasetEntry:
    """A labelled text data set; ``digest`` is the SHA-256 of its Parquet file and its fingerprint in every run's key."""

    name: str
    title: str
    path: Path
    rows: int
    positive: str
    negative: str
    digest: str
    licence: str
    citation: str


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
        citation="Hutto & Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social "
        "Media Text, ICWSM 2014",
    ),
}
