"""Verification of predictions against a local data set: ids, groups, true labels, and the parts of the split."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from training.catalog import DATASETS, library
from training.engine.data.examples import columns_read, from_table
from training.engine.data.split import Rows, Split, split_for
from training.engine.errors import EngineError
from training.spec import RunSpec
from training.storage.archive import digest
from training.storage.predictions import Predictions
from training.storage.probabilities import Labels


@dataclass(frozen=True)
class Truth:
    """The rows of a local data set, in stored order."""

    id: npt.NDArray[np.int64]
    label: Labels
    group: npt.NDArray[np.int64]
    part: npt.NDArray[np.str_] | None = None


def path_of(fingerprint: str) -> Path | None:
    """Return the file of the data set with this fingerprint, under any name; None where it is missing or damaged."""
    embedded = [entry.path for entry in DATASETS.values() if entry.digest == fingerprint]
    path = embedded[0] if embedded else library.fetch(fingerprint)
    return path if path.exists() and digest(path) == fingerprint else None


@lru_cache(maxsize=2)
def truth_of(fingerprint: str) -> Truth | None:
    """Return the rows of the data set with this fingerprint; None where it is missing or damaged."""
    if (path := path_of(fingerprint)) is None:
        return None
    with pq.ParquetFile(path) as file:
        names = ["id", "label", "group", *columns_read(file.schema_arrow)[7:]]
        columns = file.read(columns=names)
    # Texts may be large, and are not needed here.
    examples = from_table(columns.append_column("text", columns["id"]))
    return Truth(examples.id, examples.label, examples.group, examples.part)


def mismatches(run: RunSpec, predictions: Predictions, truth: Truth) -> Iterator[str]:
    """Yield a sentence for each difference between the predictions and the examples of the run's data set."""
    order = np.argsort(truth.id, kind="stable")
    place = np.searchsorted(truth.id, predictions.id, sorter=order)
    if len(predictions.id) and (place.max() >= len(order) or not np.array_equal(truth.id[order[place]], predictions.id)):
        yield "It predicts examples that its data set does not have."
        return
    rows = order[place] if len(predictions.id) else place
    if not np.array_equal(truth.label[rows], predictions.gold):
        wrong = int((truth.label[rows] != predictions.gold).sum())
        yield f"Of {wrong:,} examples its true label is another one than in the data set, which is here."
    if not np.array_equal(truth.group[rows], predictions.group):
        yield "The groups of its examples are others than in the data set, which is here."
    if predictions.classes != max(2, int(truth.label.max(initial=0)) + 1):
        yield f"It predicts {predictions.classes} classes, and the data set has others."
    try:
        split = split_for(run, truth.group, truth.part)
    except (EngineError, ArithmeticError, ValueError) as error:
        yield f"Its data set cannot be divided as it says: {error}"
        return
    yield from _parts(run, predictions, rows, split)


def _parts(run: RunSpec, predictions: Predictions, rows: Rows, split: Split) -> Iterator[str]:
    own = split.half(run.half).train if run.boosts is not None else split.test[:0]
    expected = {"test": split.test, "locked": split.locked, "transfer": split.b.rows, "own": own}
    optional = ({"locked"} if run.half == "A" else {"locked", "transfer"}) if run.given else set()
    for name, part in expected.items():
        if name in optional and not (predictions.split == name).any():
            continue
        if not np.array_equal(np.sort(rows[predictions.split == name]), np.sort(part)):
            yield f"It does not predict exactly the examples of the part “{name}” that its data set gives it."
