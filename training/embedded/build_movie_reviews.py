"""Rebuild movie_reviews.parquet from the source distribution of vaderSentiment 3.3.2.

pip download --no-deps --no-binary :all: vaderSentiment==3.3.2
python training/embedded/build_movie_reviews.py vaderSentiment-3.3.2.tar.gz
"""

import csv
import io
import re
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SOURCE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
RATINGS = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
TARGET = Path(__file__).with_name("movie_reviews.parquet")


def member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file of the archive")
    return file.read()


def group(text: str) -> str:
    """Return the group of a snippet: snippets that differ only in case, punctuation or spacing stay together in every split."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def build(sdist: Path) -> pa.Table:
    with tarfile.open(sdist) as outer, tarfile.open(fileobj=io.BytesIO(member(outer, SOURCE))) as inner:
        text = member(inner, RATINGS).decode("utf-8")
    rows = [
        (int(i), float(rating), snippet)
        for i, rating, snippet in csv.reader(text.splitlines(), "excel-tab", quoting=csv.QUOTE_NONE)
    ]
    rated = [row for row in rows if row[1] != 0]
    return pa.table(
        {
            "id": pa.array([i for i, _, _ in rated], pa.int64()),
            "text": [snippet for _, _, snippet in rated],
            "label": pa.array([int(rating > 0) for _, rating, _ in rated], pa.int8()),
            "group": [group(snippet) for _, _, snippet in rated],
            "rating": pa.array([rating for _, rating, _ in rated], pa.float32()),
        }
    )


if __name__ == "__main__":
    pq.write_table(build(Path(sys.argv[1])), TARGET, compression="zstd", use_dictionary=False)
