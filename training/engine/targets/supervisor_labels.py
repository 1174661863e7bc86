"""Supervisor labels of a run and agreement with them. Ground truth takes the same path, as probabilities.

Probabilities are (n,), of class 1, with two classes, and (n, K) with more of them.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.engine.data.examples import Examples
from training.engine.data.split import Rows
from training.engine.errors import EngineError
from training.events import EvaluationLogged
from training.spec import GROUND_TRUTH, RunSpec
from training.storage.artifacts import Store
from training.storage.predictions import Predictions, labels_of

Probabilities = npt.NDArray[np.float32]


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
        label = examples.label[rows]
        return label.astype(np.float32) if examples.classes == 2 else np.eye(examples.classes, dtype=np.float32)[label]
    return _by_id(supervisor.part("transfer"), examples.id[rows]).prob


def confidence(prob: Probabilities) -> Probabilities:
    """Return the probability (n,) of the most probable class."""
    most: Probabilities = prob.max(axis=1) if prob.ndim == 2 else np.maximum(prob, 1 - prob)
    return most


Evaluate = Callable[[int, Probabilities, Probabilities], EvaluationLogged]


def evaluator(examples: Examples, rows: Rows, held_out: Probabilities, supervisor: Predictions | None) -> Evaluate:
    """Return a function from (step, test probabilities of ``rows``, validation probabilities) to the evaluation event.

    ``held_out`` are the validation rows' labels, of the kind that the run learns from.
    """
    gold = examples.label[rows]
    supervisor_label = _by_id(supervisor.part("test"), examples.id[rows]).label if supervisor else None

    def evaluate(step: int, prob: Probabilities, on_validation: Probabilities) -> EvaluationLogged:
        label = labels_of(prob)
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


def cross_entropy(prob: Probabilities, labels: Probabilities) -> float | None:
    """Return mean nats per example of ``prob`` against soft ``labels``; None for no rows. Probabilities are clipped by 1e-7."""
    if not len(prob):
        return None
    sure = np.clip(prob.astype(np.float64), 1e-7, 1 - 1e-7)
    if prob.ndim == 2:
        return float(-np.mean(np.sum(labels * np.log(sure), axis=1)))
    return float(-np.mean(labels * np.log(sure) + (1 - labels) * np.log1p(-sure)))


def share(true: npt.NDArray[np.bool_]) -> float | None:
    """Return the share of ``true`` values; None for no values."""
    return float(true.mean()) if len(true) else None


def _by_id(predictions: Predictions, ids: npt.NDArray[np.int64]) -> Predictions:
    """Return the predictions for exactly ``ids``, in their order. Raises EngineError where one is missing."""
    order = np.argsort(predictions.id, kind="stable")
    places = np.searchsorted(predictions.id, ids, sorter=order)
    missing = places == len(order)
    missing[~missing] = predictions.id[order[places[~missing]]] != ids[~missing]
    if missing.any():
        raise EngineError(
            f"The supervisor has no predictions for {missing.sum()} of {len(ids)} examples, such as {ids[missing][0]}."
        )
    return predictions.take(order[places])
