import numpy as np
import pytest

from tests.training.conftest import make_run
from training.artifacts import Predictions, Store
from training.engine.data.examples import Examples, load_examples
from training.engine.errors import EngineError
from training.engine.labels import evaluator, read_supervisor, targets


@pytest.fixture
def examples() -> Examples:
    run = make_run()
    return load_examples(run.dataset, run.fingerprint)


def supervisor(examples: Examples, rows: list[int], prob: list[float], split: str) -> Predictions:
    return Predictions(
        examples.id[rows], np.repeat(split, len(rows)), examples.group[rows], examples.label[rows], np.array(prob, np.float32)
    )


def test_weak_labels_are_matched_by_id_and_not_by_position(examples: Examples) -> None:
    taught = supervisor(examples, [4, 2, 9], [0.25, 0.5, 0.75], "transfer")
    assert targets(examples, np.array([2, 9]), taught).tolist() == [0.5, 0.75]


def test_an_example_without_a_weak_label_is_an_error(examples: Examples) -> None:
    taught = supervisor(examples, [4, 2], [0.25, 0.5], "transfer")
    with pytest.raises(EngineError, match="no predictions for 1 of 2 examples"):
        targets(examples, np.array([2, 9]), taught)


def test_a_test_prediction_is_no_weak_label(examples: Examples) -> None:
    with pytest.raises(EngineError):
        targets(examples, np.array([2]), supervisor(examples, [2], [0.5], "test"))


def test_ground_truth_is_zeros_and_ones(examples: Examples) -> None:
    assert targets(examples, np.arange(50), None).tolist() == examples.label[:50].tolist()


def test_a_supervisor_that_has_not_finished_is_an_error(store: Store) -> None:
    with pytest.raises(EngineError, match="left no predictions"):
        read_supervisor(make_run("student"), store)


def test_agreement_is_split_by_whether_the_supervisor_is_right(examples: Examples) -> None:
    rows = np.arange(4)
    gold = examples.label[:4].astype(bool)
    # The supervisor is right on the first two; the student agrees with it on the first and on the last two.
    taught = np.array([True, True, False, False]) == gold
    student = taught == np.array([True, False, True, True])
    event = evaluator(examples, rows, supervisor(examples, [0, 1, 2, 3], list(taught * 0.8 + 0.1), "test"))(
        7, (student * 0.8 + 0.1).astype(np.float32)
    )
    assert (event.step, event.agreement, event.agreement_right, event.agreement_wrong) == (7, 0.75, 0.5, 1.0)
    assert event.accuracy == 0.25


def test_agreement_where_a_perfect_supervisor_is_wrong_is_not_a_number(examples: Examples) -> None:
    gold = examples.label[:4].astype(np.float32)
    event = evaluator(examples, np.arange(4), supervisor(examples, [0, 1, 2, 3], list(gold), "test"))(0, gold)
    assert (event.agreement_right, event.agreement_wrong) == (1.0, None)


def test_without_a_supervisor_there_is_no_agreement(examples: Examples) -> None:
    assert evaluator(examples, np.arange(4), None)(0, np.zeros(4, np.float32)).agreement is None
