"""The training set of a run: the rows of its half that it learns from, their targets, and the validation labels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.engine.data.examples import Examples
from training.engine.data.split import PORTION, RANDOM, TRUTH, Half, Rows, draw
from training.engine.errors import EngineError
from training.engine.targets.boosting import boosting_weights
from training.engine.targets.overlap import kinds
from training.engine.targets.supervisor_labels import targets
from training.spec import RunSpec
from training.spec.methods import (
    Anchored,
    EasyToHard,
    FilterFraction,
    FilterThreshold,
    LanguageModelling,
    Mixed,
    Overlap,
    Sequential,
)
from training.storage.artifacts import Store
from training.storage.predictions import Predictions
from training.storage.probabilities import Probabilities, certain, choose, confidence_of, labels_of, probability_of

Mask = npt.NDArray[np.bool_]
Targets = Callable[[Rows], Probabilities]


@dataclass(frozen=True)
class TrainingSet:
    """A training set: ``rows`` with the targets ``labels``; ``validation`` rows are evaluated against ``held_out``.

    ``truth`` (n,) marks the rows whose label is known to be true, None where the method does not use it. ``of`` is the number of
    training rows of the half. A row may occur more than once.
    """

    rows: Rows
    labels: Probabilities
    validation: Rows
    held_out: Probabilities
    of: int
    truth: Mask | None = None

    @property
    def left_out(self) -> int:
        return self.of - len(np.unique(self.rows))


def training_set_of(
    run: RunSpec,
    examples: Examples,
    half: Half,
    supervisor: Predictions | None,
    store: Store,
    features: Callable[[], npt.NDArray[np.floating]],
) -> TrainingSet:
    """Return the training set of ``run``. Raises EngineError where its method leaves too few rows.

    ``features`` returns the untrained model's features of every text of the data set (rows, width), for methods that use them.
    """
    rows, validation = (portion_of(run, examples, part) for part in (half.train, half.validation))
    method = run.method

    def true(rows: Rows) -> Probabilities:
        return targets(examples, rows, None)

    def weak(rows: Rows) -> Probabilities:
        return targets(examples, rows, supervisor)

    label: Targets = weak
    truth: Callable[[Rows], Mask] | None = None
    match method:
        case FilterThreshold() | FilterFraction():
            rows = rows[filtered_rows(method, weak(rows))]
        case Overlap():
            rows = rows[chosen(method, kinds(weak(rows), features()[rows]), draw(examples.group[rows], run.seed, RANDOM))]
        case EasyToHard():
            rows, validation = (part[easiest(weak(part), true(part), method.easy)] for part in (rows, validation))
            label = true
        case Sequential():
            rows, validation = (part[drawn(run, examples, part, method.fraction)] for part in (rows, validation))
        case LanguageModelling():
            label = no_labels
        case Mixed() | Anchored():
            rest = _random(run, examples) if isinstance(method, Mixed) and method.rest == "random" else weak

            def truth(rows: Rows) -> Mask:
                return drawn(run, examples, rows, method.fraction)

            def label(rows: Rows) -> Probabilities:
                return choose(truth(rows), true(rows), rest(rows))

    rows = sampled(run, rows, store)
    check_size(run, rows, validation, len(half.train))
    marks = truth(rows) if isinstance(method, Anchored) and truth else None
    return TrainingSet(rows, label(rows), validation, label(validation), len(half.train), marks)


def check_size(run: RunSpec, rows: Rows, validation: Rows, of: int) -> None:
    if len(rows) < 2:
        raise EngineError(f"{len(rows)} of {of} rows are left to learn from, and training needs at least two.")
    if run.stop == "validation" and not len(validation):
        raise EngineError("No validation rows are left for the stop rule: take a larger share, or stop at the last step.")


def no_labels(rows: Rows) -> Probabilities:
    """Return zeros, for texts that are learned without a label."""
    return np.zeros(len(rows), np.float32)


def filtered_rows(method: FilterThreshold | FilterFraction, weak: Probabilities) -> Rows:
    """Return the positions of the weak labels (n,) or (n, K) that the filter keeps, ascending."""
    label, sure = labels_of(weak), confidence_of(weak)
    if isinstance(method, FilterThreshold):
        return np.flatnonzero(sure > method.threshold)
    positions = []
    for value in np.unique(label):
        rows = np.flatnonzero(label == value)
        positions.append(rows[np.argsort(-sure[rows], kind="stable")[: int(np.ceil(method.keep * len(rows)))]])
    return np.sort(np.concatenate([np.zeros(0, np.int64), *positions]))


def chosen(method: Overlap, kind: npt.NDArray[np.str_], chance: npt.NDArray[np.float64]) -> Rows:
    """Return the ascending positions of the selected kind of rows; for random ones, those with the least ``chance``."""
    if method.part != "random":
        return np.flatnonzero(kind == method.part)
    return np.sort(np.argsort(chance, kind="stable")[: int((kind == "overlap").sum())])


def easiest(weak: Probabilities, true: Probabilities, share: float) -> Rows:
    """Return the ascending positions of the ``share`` of rows with the least loss of ``weak`` against the truth."""
    # Cross-entropy falls with the probability of the true label.
    order = np.argsort(-probability_of(weak, labels_of(true)), kind="stable")
    return np.sort(order[: int(np.ceil(share * len(order)))])


def portion_of(run: RunSpec, examples: Examples, rows: Rows) -> Rows:
    if run.portion is None:
        return rows
    place, parts = run.portion
    own: Rows = rows[(draw(examples.group[rows], run.seed, PORTION) * parts).astype(np.int64) == place]
    return own


def drawn(run: RunSpec, examples: Examples, rows: Rows, fraction: float) -> Mask:
    """Return a mask of rows with known truth, by a hash of their group: a larger fraction contains a smaller one."""
    return draw(examples.group[rows], run.seed, TRUTH) < fraction


def _random(run: RunSpec, examples: Examples) -> Targets:
    """Return a function that draws a class for each row, by its id and the seed alone."""

    def random_labels(rows: Rows) -> Probabilities:
        label = (draw(examples.id[rows], run.seed, RANDOM) * examples.classes).astype(np.int64)
        return certain(label, examples.classes)

    return random_labels


def sampled(run: RunSpec, rows: Rows, store: Store) -> Rows:
    """Return a bootstrap sample, or one by the weights after the earlier members of an AdaBoost; else the rows themselves."""
    if run.resample is not None:
        return np.sort(_generator(run, run.resample).choice(rows, len(rows)))
    if run.boosts:
        weight = boosting_weights([store.read_predictions(key).part("own") for key in run.boosts]).weight
        return np.sort(_generator(run, len(run.boosts)).choice(rows, len(rows), p=weight))
    return rows


def _generator(run: RunSpec, member: int) -> np.random.Generator:
    """Return the generator of a member's sample; the last number separates it from the order of the batches."""
    return np.random.default_rng([run.seed, member, 1])
