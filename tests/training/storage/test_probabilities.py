"""Functions of probabilities give the same numbers, to the last bit, for one column of two classes and for K columns."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.storage import probabilities
from training.storage.probabilities import Probabilities, by_class, certain, choose, classes_of, labels_of, probability_of


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Probabilities, Any]:
    """Probabilities of two or three classes, and a label for each example."""
    classes, rows = draw(st.sampled_from([2, 3])), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    prob = rng.dirichlet(np.ones(classes), rows).astype(np.float32)
    if draw(st.booleans()):
        prob[0] = 1 / classes
    return prob[:, 1] if classes == 2 else prob, rng.integers(0, classes, rows).astype(np.int8)


def plain(prob: Probabilities, label: int, at: int) -> np.float32:
    """The probability of one label of one example, without arrays."""
    if prob.ndim == 2:
        return np.float32(prob[at, label])
    return np.float32(prob[at]) if label == 1 else np.float32(1) - np.float32(prob[at])


@given(predictions())
def test_the_probability_of_a_label_is_that_of_its_class(given_: tuple[Probabilities, Any]) -> None:
    prob, labels = given_
    expected = np.array([plain(prob, label, at) for at, label in enumerate(labels.tolist())])
    assert probability_of(prob, labels).tobytes() == expected.tobytes()
    assert probability_of(prob, labels).dtype == np.float32


@given(predictions())
def test_the_most_probable_label_has_the_confidence_and_the_first_of_equal_ones_wins(given_: tuple[Probabilities, Any]) -> None:
    prob, _ = given_
    classes = classes_of(prob)
    table = [[plain(prob, label, at) for label in range(classes)] for at in range(len(prob))]
    assert labels_of(prob).tolist() == [row.index(max(row)) for row in table]
    assert probabilities.confidence_of(prob).tolist() == [max(row) for row in table]
    assert labels_of(by_class(prob)).tolist() == labels_of(prob).tolist()


@given(predictions())
def test_labels_that_are_certain_are_their_own_most_probable_class(given_: tuple[Probabilities, Any]) -> None:
    prob, labels = given_
    sure = certain(labels, classes_of(prob))
    assert sure.shape == prob.shape
    assert sure.dtype == np.float32
    assert set(np.unique(sure)) <= {0, 1}
    assert labels_of(sure).tolist() == labels.tolist()
    assert by_class(sure).tobytes() == np.eye(classes_of(prob))[labels].tobytes()
    assert probabilities.axes_of(classes_of(prob)) == prob.shape[1:]


@given(predictions())
def test_rows_are_chosen_whole(given_: tuple[Probabilities, Any]) -> None:
    prob, labels = given_
    sure, mask = certain(labels, classes_of(prob)), labels == 0
    chosen = choose(mask, sure, prob)
    assert chosen[mask].tobytes() == sure[mask].tobytes()
    assert chosen[~mask].tobytes() == prob[~mask].tobytes()


@given(predictions())
def test_the_distance_is_half_the_absolute_difference_over_the_classes(given_: tuple[Probabilities, Any]) -> None:
    prob, labels = given_
    sure = certain(labels, classes_of(prob))
    expected = np.abs(by_class(prob) - by_class(sure)).sum(axis=1) / 2
    np.testing.assert_allclose(probabilities.total_variation(prob, sure), expected, atol=1e-6)
    assert probabilities.total_variation(prob, prob).max() == 0


@given(predictions())
def test_cross_entropy_is_that_of_all_classes_and_log_odds_are_of_the_label(given_: tuple[Probabilities, Any]) -> None:
    prob, labels = given_
    sure = certain(labels, classes_of(prob))
    clipped = np.clip(by_class(prob), 1e-7, 1 - 1e-7)
    expected = -np.mean(np.log(clipped[np.arange(len(labels)), labels]))
    assert probabilities.cross_entropy(prob, sure) == pytest.approx(expected, rel=1e-6)
    assert probabilities.cross_entropy(prob[:0], sure[:0]) is None
    logits = np.log(clipped[:, 1]) - np.log(clipped[:, 0]) if prob.ndim == 1 else np.log(clipped)
    second = clipped[:, 1] / clipped.sum(axis=1)
    np.testing.assert_allclose(probabilities.log_odds(logits, 1), np.log(second / (1 - second)), atol=1e-5)


def test_no_other_module_looks_at_the_shape() -> None:
    root = Path(probabilities.__file__).parents[2]
    modules = [path for folder in ("training", "webapp") for path in (root / folder).rglob("*.py")]
    branching = {
        path.relative_to(root).as_posix() for path in modules if re.search(r"\.ndim\b|\.dim\(\)", path.read_text("utf-8"))
    }
    assert branching == {"training/storage/probabilities.py", "training/engine/logits.py"}
