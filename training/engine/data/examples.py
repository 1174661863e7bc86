"""Reading of a data set: its columns, checked against the digest in the run's specification."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training import catalog
from training.catalog.datasets import MOST_CLASSES
from training.engine.data.bundle_file import arrays_of
from training.engine.data.families.example import stable
from training.engine.errors import CorruptData, NoLabels
from training.storage.probabilities import Labels, label_type

Side = Literal["a", "b"]
"""The first or second texts of a data set of preferences. Other data sets have only the first."""


@dataclass(frozen=True)
class Examples:
    """The rows of a data set in stored order, one entry per row: ``label`` is one of 0 to ``classes`` - 1.

    ``group`` is the stored value, or a hash of it, and never a count: it does not depend on other rows. In a data set of
    preferences ``text`` is compared with ``text_b``, and label 1 means that ``text`` is preferred. In a generative data set
    ``text`` is the prompt, ``answers`` are lists of the accepted answers, of which the first is trained on, and labels do not
    exist. ``difficulty`` is None, or higher for harder examples. Of a feature bundle ``text`` are the names of rows, and of a
    data set of images those of the images, whose file is ``images``; ``part`` is train, test or locked where such a data set
    gives its split.
    """

    id: npt.NDArray[np.int64]
    labels: Labels | None
    group: npt.NDArray[np.int64]
    text: pa.ChunkedArray
    text_b: pa.ChunkedArray | None = None
    answers: pa.ChunkedArray | None = None
    difficulty: npt.NDArray[np.float64] | None = None
    part: npt.NDArray[np.str_] | None = None
    images: Path | None = None

    def __len__(self) -> int:
        return len(self.id)

    @property
    def label(self) -> Labels:
        """The labels. Raises NoLabels for a generative data set."""
        if self.labels is None:
            raise NoLabels
        return self.labels

    @property
    def classes(self) -> int:
        """The number of classes, at least two: the number of labels, each of which has rows. Raises NoLabels."""
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
        examples = from_table(file.read(columns=columns_read(file.schema_arrow)))
        return replace(examples, images=path) if "image" in file.schema_arrow.names else examples


def columns_read(schema: pa.Schema) -> list[str]:
    """Return the columns of examples, those of features and images with the parts of a given split. Others are not read."""
    gives = "part" in schema.names and (arrays_of(schema) or "image" in schema.names)
    return [*("id", "text", "text_b", "label", "answers", "group", "difficulty"), *(["part"] if gives else [])]


def from_table(table: pa.Table) -> Examples:
    """Return examples from the columns id, text, group (integers or names), and label or answers.

    Further columns are text_b for preferences and, where there is one, difficulty. Raises CorruptData.
    """
    columns = {name: table[name] for name in table.column_names}
    if ("label" in columns) == ("answers" in columns):
        raise CorruptData("A data set has either labels or written answers.")
    examples = Examples(
        id=table["id"].to_numpy().astype(np.int64),
        labels=_labels(table["label"].to_numpy()) if "label" in columns else None,
        group=_group(table["group"]),
        text=table["text"],
        text_b=columns.get("text_b"),
        answers=columns.get("answers"),
        difficulty=table["difficulty"].to_numpy().astype(np.float64) if "difficulty" in columns else None,
        part=table["part"].to_numpy().astype(np.str_) if "part" in columns else None,
    )
    if len(np.unique(examples.id)) < len(examples):
        raise CorruptData("Two rows of the data set have the same id.")
    if examples.difficulty is not None and not np.isfinite(examples.difficulty).all():
        raise CorruptData("The difficulty of a row is missing or not a finite number.")
    if examples.answers is None:
        _check_labels(examples)
    else:
        _check_answers(examples.answers)
    return examples


def _labels(stored: npt.NDArray[np.integer]) -> Labels:
    return stored.astype(label_type(int(stored.max(initial=0)) + 1))


def _check_answers(answers: pa.ChunkedArray) -> None:
    """Raise CorruptData unless each row has an answer and no answer is missing or empty."""
    written = pc.list_flatten(answers)
    if answers.null_count or pc.min(pc.list_value_length(answers)).as_py() == 0:
        raise CorruptData("A row of the data set has no answer.")
    if written.null_count or pc.min(pc.utf8_length(pc.utf8_trim_whitespace(written))).as_py() == 0:
        raise CorruptData("An answer of the data set is empty.")


def _check_labels(examples: Examples) -> None:
    labels = np.unique(examples.label)
    if (examples.classes > 2 and labels.tolist() != list(range(examples.classes))) or labels.min(initial=0) < 0:
        raise CorruptData("The labels of the data set are not 0, 1 and so on, without a gap.")
    if examples.classes > MOST_CLASSES:
        raise CorruptData(f"The data set has {examples.classes} classes, and at most {MOST_CLASSES} can be told apart.")
    if examples.classes > 2 and examples.text_b is not None:
        raise CorruptData(f"Pairs of texts have two classes, the first or the second preferred, and not {examples.classes}.")


def _group(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    if pa.types.is_integer(column.type):
        return column.to_numpy().astype(np.int64)  # type: ignore[no-any-return]
    names = column.combine_chunks().dictionary_encode()
    codes = np.array([stable("group", name) for name in names.dictionary.to_pylist()], np.int64)
    return codes[names.indices.to_numpy()]  # type: ignore[no-any-return]
