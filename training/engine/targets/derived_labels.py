"""Runs that train nothing: their predictions are derived from those of other runs."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from training.engine.data.examples import Examples
from training.engine.data.split import RANDOM, draw
from training.engine.errors import EngineError
from training.engine.targets.boosting import boosting_weights
from training.events import EvaluationLogged, Event, RunStarted
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.predictions import Predictions, Trajectory
from training.storage.probabilities import certain, confidence_of, drawn, labels_of, probability_of

Rows = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


def write_derived(
    run: RunSpec, store: Store, started: RunStarted, emit: Callable[[Event], None], predict: Callable[[], Predictions]
) -> None:
    """Write the predictions that ``predict`` returns to ``store``, with a trajectory of one step that starts at uniform ones."""
    emit(started)
    predictions = predict()
    test = predictions.part("test")
    nothing = np.full_like(test.prob, 1 / predictions.classes)
    both = nothing, test.prob
    labels = np.stack([labels_of(prob) for prob in both]) if predictions.classes > 2 else None
    course = np.stack([drawn(prob, test.gold) for prob in both])
    trajectory = Trajectory(np.array([0, 1]), test.id, course, np.array([np.nan, np.nan]), 1, labels)
    for step in trajectory.steps.tolist():
        emit(EvaluationLogged(step=step, accuracy=trajectory.accuracy(step, test.gold)))
    store.write_trajectory(run.key(), trajectory)
    store.write_run(run)
    store.write_predictions(run.key(), predictions)


def derived_predictions(run: RunSpec, examples: Examples, store: Store) -> Predictions:
    """Return the predictions of a run that combines members or simulates errors."""
    return combine(run, store) if run.members else simulate(run, examples, store)


def combine(run: RunSpec, store: Store) -> Predictions:
    """Return the mean of the members' predictions, or the mean weighted by the votes of an AdaBoost. Raises EngineError."""
    members = [_read(store, key) for key in run.members]
    weights = np.ones(len(members))
    if run.combine == "votes":
        weights = boosting_weights([member.part("own") for member in members]).votes
        if not weights.any():
            raise EngineError("No member of the AdaBoost is better than chance on its own half, so none has a vote.")
    parts = set.intersection(*(set(member.split.tolist()) for member in members)) - {"own"}  # labels from outside may lack one
    common = [member.take(np.isin(member.split, sorted(parts))) for member in members]
    first, probs = common[0], [member.prob for member in common]
    mean = np.average(np.stack(probs).astype(np.float64), axis=0, weights=weights)
    return Predictions(first.id, first.split, first.group, first.gold, mean.astype(np.float32))


def simulate(run: RunSpec, examples: Examples, store: Store) -> Predictions:
    """Return hard labels with as many errors as the supervisor's in each part of the rows, placed by ``run.errors``."""
    weak = _read(store, run.labels)
    ceiling = _read(store, run.judge) if run.judge else None
    label = weak.gold.copy()
    for part in np.unique(weak.split):
        rows = np.flatnonzero(weak.split == part)
        score = _error_score(run, examples, weak.take(rows), ceiling.take(rows) if ceiling else None)
        order = np.lexsort([draw(weak.id[rows], run.seed, RANDOM), -score])
        wrong = rows[order[: int((~weak.right[rows]).sum())]]
        other = np.random.default_rng([run.seed, 0, 2]).integers(1, weak.classes, len(wrong))
        label[wrong] = (weak.gold[wrong] + other) % weak.classes
    return Predictions(weak.id, weak.split, weak.group, weak.gold, certain(label, weak.classes))


def _error_score(run: RunSpec, examples: Examples, weak: Predictions, ceiling: Predictions | None) -> Numbers:
    """Return a score of each example: larger ones are labelled wrong first; a hash decides among equal ones."""
    if ceiling is not None:
        if not np.array_equal(ceiling.id, weak.id):
            raise EngineError("Supervisor and ceiling speak of different examples.")
        if run.errors == "unsure":
            return -confidence_of(ceiling.prob).astype(np.float64)
        return probability_of(ceiling.prob, ceiling.gold).astype(np.float64)
    if run.errors == "random":
        return np.zeros(len(weak.id))
    texts = [examples.text] if examples.text_b is None else [examples.text, examples.text_b]
    length = sum(pc.utf8_length(text).to_numpy().astype(np.float64) for text in texts)
    place = np.argsort(examples.id, kind="stable")
    rows = place[np.searchsorted(examples.id, weak.id, sorter=place)]
    score: Numbers = length[rows] if run.errors == "longest" else -length[rows]
    return score


def _read(store: Store, key: str) -> Predictions:
    try:
        return store.read_predictions(key)
    except FileNotFoundError:
        raise EngineError(f"The run {key[:12]}, which this one is made of, has left no predictions.") from None
