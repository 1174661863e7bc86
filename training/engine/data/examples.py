"""Reading of a data set: its columns, checked against the digest in the run's specification."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training import catalog
from training.catalog.datasets import MOST_CLASSES
from training.engine.data.families.example import stable
from training.engine.errors import CorruptData

Side = Literal["a", "b"]
"""The first or second texts of a data set of preferences. Other data sets have only the first."""


@dataclass(frozen=True)
class Examples:
    """The rows of a data set in stored order, one entry per row: ``label`` is one of 0 to ``classes`` - 1.

    ``group`` is the stored value, or a hash of it, and never a count: it does not depend on other rows. In a data set of
    preferences ``text`` is compared with ``text_b``, and label 1 means that ``text`` is preferred.
    """

    id: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    text: pa.ChunkedArray
    text_b: pa.ChunkedArray | None = None

    def __len__(self) -> int:
        return len(self.id)

    @property
    def classes(self) -> int:
        """The number of classes, at least two: the number of labels, each of which has rows."""
        return max(2, int(self.label.max(initial=0)) + 1)


def load_examples(name: str, fingerprint: str) -> Examples:
    """Return the data set ``name``. Raises CorruptData where its file is missing or does not have ``fingerprint`` (SHA-256).

    The library stores files by fingerprint: a run finds its own even if the name is gone or means another file by now.
    """
    entry, path = catalog.known_dataset(name), catalog.examples_of(name, fingerprint)
    mend = "Plan the experiment again."
    if entry and entry.digest == fingerprint:
        mend = "Installing the laboratory again restores it." if name in catalog.DATASETS else "Fetch or import it again."
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise CorruptData(f"The file of the data set “{name}” is missing: {path}. {mend}") from None
    if digest != fingerprint:
        raise CorruptData(f"{path.name} is not the data set of this run: SHA-256 {digest}, expected {fingerprint}. {mend}")
    with pq.ParquetFile(path) as file:
        return from_table(file.read(columns=["id", "text", "text_b", "label", "group"]))


def from_table(table: pa.Table) -> Examples:
    """Return examples from the columns id, text, label, group (integers or names) and, for preferences, text_b.

    Raises CorruptData.
    """
    examples = Examples(
        id=table["id"].to_numpy().astype(np.int64),
        label=table["label"].to_numpy().astype(np.int8),
        group=_group(table["group"]),
        text=table["text"],
        text_b=table["text_b"] if "text_b" in table.column_names else None,
    )
    if len(np.unique(examples.id)) < len(examples):
        raise CorruptData("Two rows of the data set have the same id.")
    labels = np.unique(examples.label)
    if (examples.classes > 2 and labels.tolist() != list(range(examples.classes))) or labels.min(initial=0) < 0:
        raise CorruptData("The labels of the data set are not 0, 1 and so on, without a gap.")
    if examples.classes > MOST_CLASSES:
        raise CorruptData(f"The data set has {examples.classes} classes, and at most {MOST_CLASSES} can be told apart.")
    if examples.classes > 2 and examples.text_b is not None:
        raise CorruptData(f"Pairs of texts have two classes, the first or the second preferred, and not {examples.classes}.")
    return examples


def _group(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    if pa.types.is_integer(column.type):
        return column.to_numpy().astype(np.int64)  # type: ignore[no-any-return]
    names = column.combine_chunks().dictionary_encode()
    codes = np.array([stable("group", name) for name in names.dictionary.to_pylist()], np.int64)
    return codes[names.indices.to_numpy()]  # type: ignore[no-any-return]
