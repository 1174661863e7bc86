from dataclasses import replace
from math import log

import numpy as np
import pytest

from tests.factories.runs import make_run
from training.engine.data.examples import Examples, load_examples
from training.engine.errors import EngineError
from training.engine.targets.supervisor_labels import evaluator, read_supervisor, targets
from training.storage.artifacts import Store
from training.storage.predictions import Predictions
from training.storage.probabilities import cross_entropy, labels_of

NOTHING = np.array([], np.float32)


@pytest.fixture
def examples() -> Examples:
    run = make_run()
    return load_examples(run.dataset, run.fingerprint)


def supervisor(examples: Examples, rows: list[int], prob: list[float], split: str) -> Predictions:
    return Predictions(
        examples.id[rows], np.repeat(split, len(rows)), examples.group[rows], examples.label[rows], np.array(prob, np.float32)
    )


def test_weak_labels_are_matched_by_id_and_not_by_position(examples: Examples) -> None:
    weak_labels = supervisor(examples, [4, 2, 9], [0.25, 0.5, 0.75], "transfer")
    assert targets(examples, np.array([2, 9]), weak_labels).tolist() == [0.5, 0.75]


def test_an_example_without_a_weak_label_is_an_error(examples: Examples) -> None:
    weak_labels = supervisor(examples, [4, 2], [0.25, 0.5], "transfer")
    with pytest.raises(EngineError, match="no predictions for 1 of 2 examples"):
        targets(examples, np.array([2, 9]), weak_labels)


def test_a_test_prediction_is_no_weak_label(examples: Examples) -> None:
    with pytest.raises(EngineError):
        targets(examples, np.array([2]), supervisor(examples, [2], [0.5], "test"))


def test_ground_truth_of_three_classes_is_a_one_at_the_label(examples: Examples) -> None:
    three = replace(examples, labels=(np.arange(len(examples)) % 3).astype(np.int8))
    assert targets(three, np.array([2, 4, 0]), None).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_three_classes_agree_where_their_labels_are_the_same_and_not_where_both_are_wrong(examples: Examples) -> None:
    three, rows = replace(examples, labels=np.array([0, 1, 2, 2, 1], np.int8)), np.arange(5)
    weak = np.eye(3, dtype=np.float32)[[0, 1, 0, 1, 0]]
    labels = Predictions(three.id[rows], np.repeat("test", 5), three.group[rows], three.label, weak)
    student = np.eye(3, dtype=np.float32)[[0, 2, 0, 0, 1]] * 0.7 + 0.1
    event = evaluator(three, rows, NOTHING, labels)(7, student.argmax(1), NOTHING)
    assert (event.accuracy, event.agreement, event.agreement_right) == (0.4, 0.4, 0.5)
    assert event.agreement_wrong == pytest.approx(1 / 3)


def test_validation_of_three_classes_is_the_cross_entropy_to_soft_labels(examples: Examples) -> None:
    weak = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], np.float32)
    prob = np.array([[0.3, 0.6, 0.1], [0.5, 0.25, 0.25]], np.float32)
    three = replace(examples, labels=np.array([0, 1, 2], np.int8))
    event = evaluator(three, np.arange(1), weak, None)(1, prob[:1].argmax(1), prob)
    assert event.validation_accuracy == 0.5
    assert event.validation_loss == pytest.approx(-(weak * np.log(prob)).sum() / 2)


def test_ground_truth_is_zeros_and_ones(examples: Examples) -> None:
    assert targets(examples, np.arange(50), None).tolist() == examples.label[:50].tolist()


def test_a_supervisor_that_has_not_finished_is_an_error(store: Store) -> None:
    with pytest.raises(EngineError, match="left no predictions"):
        read_supervisor(make_run("student"), store)


def test_agreement_is_split_by_whether_the_supervisor_is_right(examples: Examples) -> None:
    rows = np.arange(4)
    gold = examples.label[:4].astype(bool)
    # The supervisor is right on the first two; the student agrees with it on the first and on the last two.
    weak_labels = np.array([True, True, False, False]) == gold
    student = weak_labels == np.array([True, False, True, True])
    weak = supervisor(examples, [0, 1, 2, 3], list(weak_labels * 0.8 + 0.1), "test")
    event = evaluator(examples, rows, NOTHING, weak)(7, student.astype(np.int64), NOTHING)
    assert (event.step, event.agreement, event.agreement_right, event.agreement_wrong) == (7, 0.75, 0.5, 1.0)
    assert event.accuracy == 0.25


def test_agreement_where_a_perfect_supervisor_is_wrong_is_not_a_number(examples: Examples) -> None:
    gold = examples.label[:4].astype(np.float32)
    weak = supervisor(examples, [0, 1, 2, 3], list(gold), "test")
    event = evaluator(examples, np.arange(4), NOTHING, weak)(0, examples.label[:4], NOTHING)
    assert (event.agreement_right, event.agreement_wrong) == (1.0, None)


def test_without_a_supervisor_there_is_no_agreement(examples: Examples) -> None:
    assert evaluator(examples, np.arange(4), NOTHING, None)(0, np.zeros(4, np.int64), NOTHING).agreement is None


def test_validation_is_against_the_labels_that_the_run_learns_from_and_not_the_truth(examples: Examples) -> None:
    weak = np.array([0.9, 0.6, 0.2, 0.4], np.float32)
    prob = np.array([0.8, 0.4, 0.1, 0.3], np.float32)
    event = evaluator(examples, np.arange(2), weak, None)(1, labels_of(prob[:2]), prob)
    assert event.validation_accuracy == 0.75
    losses = [-(w * log(p) + (1 - w) * log(1 - p)) for w, p in zip(weak.tolist(), prob.tolist(), strict=True)]
    assert event.validation_loss == pytest.approx(sum(losses) / 4)


def test_without_validation_rows_there_is_no_validation(examples: Examples) -> None:
    event = evaluator(examples, np.arange(4), NOTHING, None)(1, np.zeros(4, np.int64), NOTHING)
    assert (event.validation_accuracy, event.validation_loss) == (None, None)


def test_a_wrong_certainty_costs_much_and_not_infinitely_much() -> None:
    loss = cross_entropy(np.array([1.0], np.float32), np.array([0.0], np.float32))
    assert loss == pytest.approx(16.1, abs=0.1)
