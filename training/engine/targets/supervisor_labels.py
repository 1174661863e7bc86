"""Supervisor labels of a run and agreement with them. Ground truth takes the same path, as probabilities."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.engine.data.examples import Examples
from training.engine.data.split import Rows
from training.engine.errors import EngineError
from training.events import EvaluationLogged
from training.spec import GROUND_TRUTH, RunSpec
from training.storage.artifacts import Store
from training.storage.predictions import Predictions
from training.storage.probabilities import Labels, Probabilities, certain, cross_entropy, labels_of


def read_supervisor(run: RunSpec, store: Store) -> Predictions | None:
    """Return the predictions of the run's supervisor, None for ground truth. Raises EngineError where it has not finished."""
    if run.labels == GROUND_TRUTH:
        return None
    try:
        return store.read_predictions(run.labels)
    except FileNotFoundError:
        raise EngineError(f"The run that labels for this one ({run.labels[:12]}) has left no predictions.") from None


def targets(examples: Examples, rows: Rows, supervisor: Predictions | None) -> Probabilities:
    """Return the probabilities for ``rows``: the supervisor's, or zeros and ones by ground truth."""
    if supervisor is None:
        return certain(examples.label[rows], examples.classes)
    return _by_id(supervisor.part("transfer"), examples.id[rows]).prob


Evaluate = Callable[[int, Labels, Probabilities], EvaluationLogged]


def evaluator(examples: Examples, rows: Rows, held_out: Probabilities, supervisor: Predictions | None) -> Evaluate:
    """Return a function from (step, hard labels of the test ``rows``, validation probabilities) to the evaluation event.

    ``held_out`` are the validation rows' labels, of the kind that the run learns from.
    """
    gold = examples.label[rows]
    supervisor_label = _by_id(supervisor.part("test"), examples.id[rows]).label if supervisor else None

    def evaluate(step: int, label: Labels, on_validation: Probabilities) -> EvaluationLogged:
        event = EvaluationLogged(
            step=step,
            accuracy=float(np.mean(label == gold)),
            validation_accuracy=share(labels_of(on_validation) == labels_of(held_out)),
            validation_loss=cross_entropy(on_validation, held_out),
        )
        if supervisor_label is None:
            return event
        same, right = label == supervisor_label, supervisor_label == gold
        agreement = {"agreement": share(same), "agreement_right": share(same[right]), "agreement_wrong": share(same[~right])}
        return event.model_copy(update=agreement)

    return evaluate


def share(true: npt.NDArray[np.bool_]) -> float | None:
    """Return the share of ``true`` values; None for no values."""
    return float(true.mean()) if len(true) else None


def _by_id(predictions: Predictions, ids: npt.NDArray[np.int64]) -> Predictions:
    """Return the predictions for exactly ``ids``, in their order. Raises EngineError where one is missing."""
    return predictions.take(places_of(predictions.id, ids))


def places_of(known: npt.NDArray[np.int64], ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the positions of ``ids`` among the ids that the supervisor has. Raises EngineError where one is missing."""
    order = np.argsort(known, kind="stable")
    places = np.searchsorted(known, ids, sorter=order)
    missing = places == len(order)
    missing[~missing] = known[order[places[~missing]]] != ids[~missing]
    if missing.any():
        raise EngineError(
            f"The supervisor has no predictions for {missing.sum()} of {len(ids)} examples, such as {ids[missing][0]}."
        )
    positions: npt.NDArray[np.int64] = order[places]
    return positions
