"""Runs whose predictions are labels from outside: nothing is trained, and the file is read."""

import numpy as np
import pyarrow as pa

from training.catalog import outside
from training.engine.data.examples import Examples
from training.engine.data.outside_checks import check_coverage
from training.engine.data.split import Split
from training.engine.errors import CorruptData, EngineError
from training.engine.outputs.predicted_rows import PredictedRows
from training.spec import RunSpec
from training.storage.outside_labels import OutsideLabels
from training.storage.predictions import Predictions


def given_predictions(run: RunSpec, examples: Examples, split: Split) -> Predictions:
    """Return the labels that ``run`` was given, as predictions. Raises EngineError, CorruptData where one is missing.

    Parts that the labels need not have, such as the locked test set, are left out unless they are complete.
    """
    labels = read_given(run)
    check_coverage(labels, run, examples)
    ids, prob = labels.for_seed(run.seed)
    order = np.argsort(ids, kind="stable")
    parts = {
        name: rows
        for name, rows in PredictedRows.of(run, split)._asdict().items()
        if len(rows) and np.isin(examples.id[rows], ids).all()
    }
    rows = np.concatenate(list(parts.values()))
    return Predictions(
        id=examples.id[rows],
        split=np.repeat(list(parts), [len(part) for part in parts.values()]),
        group=examples.group[rows],
        gold=examples.label[rows],
        prob=prob[order[np.searchsorted(ids, examples.id[rows], sorter=order)]],
    )


def read_given(run: RunSpec) -> OutsideLabels:
    """Return the labels with the digest of ``run``, checked. Raises EngineError."""
    title = outside.title_of(run.model) or run.model
    try:
        labels = OutsideLabels.read(outside.fetch(run.digest))
    except FileNotFoundError:
        raise EngineError(f"The file of the labels {title} is missing here: add it again.") from None
    except (OSError, pa.ArrowException, KeyError) as error:
        raise CorruptData(f"The file of the labels {title} cannot be read: {error}") from None
    if labels.digest(run.fingerprint) != run.digest:
        raise CorruptData(f"The file of the labels {title} is not what was given: its content has another digest. Add it again.")
    return labels
