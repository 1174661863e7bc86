"""Transitions and agreement against tables made by hand."""

import numpy as np
import pytest

from training.metrics.agreement import Accuracy, Rights, Transitions, agreement_of, at_chance, hard_of, transitions_of

GOLD = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2, 0])
WEAK = np.array([0, 0, 1, 0, 1, 1, 1, 2, 2, 2])
STUDENT = np.array([0, 1, 1, 1, 1, 0, 1, 1, 2, 1])
"""Supervisor and student on ten examples of three classes: 4 right, of which 3 are kept; 6 wrong, of which 2 are corrected,
2 copied and 2 changed for another error."""
CLUSTERS = np.arange(10)


def answers() -> tuple[Rights, Rights, Rights]:
    return (WEAK == GOLD)[None], (STUDENT == GOLD)[None], (WEAK == STUDENT)[None]


def counts(cells: Transitions) -> dict[str, float]:
    return {name: cell["count"] for name, cell in cells.model_dump().items() if cell}


def test_with_three_classes_an_error_is_copied_or_changed() -> None:
    cells = transitions_of(*answers(), classes=3, clusters=CLUSTERS)
    assert counts(cells) == {"kept": 3, "lost": 1, "corrected": 2, "copied": 2, "changed": 2}
    assert cells.changed is not None
    assert cells.changed.share.value == pytest.approx(0.2)
    gain = (STUDENT == GOLD).mean() - (WEAK == GOLD).mean()
    assert cells.corrected.share.value - cells.lost.share.value == pytest.approx(gain)


def test_no_changed_error_among_three_classes_is_a_count_of_zero() -> None:
    weak, _, _ = answers()
    assert counts(transitions_of(weak, weak, weak | True, 3, CLUSTERS)) == {
        "kept": 4,
        "lost": 0,
        "corrected": 0,
        "copied": 6,
        "changed": 0,
    }


def test_with_two_classes_there_is_no_changed_error() -> None:
    weak, student, _ = answers()
    cells = transitions_of(weak, student, weak == student, 2, CLUSTERS)
    assert cells.changed is None
    assert counts(cells) == {"kept": 3, "lost": 1, "corrected": 2, "copied": 4}


def test_agreement_is_on_the_label_and_not_on_being_right() -> None:
    weak, _, same = answers()
    actual = agreement_of(weak, same, CLUSTERS)
    assert actual.supervisor_right is not None
    assert actual.supervisor_wrong is not None
    assert actual.overall.value == pytest.approx(5 / 10)
    assert actual.supervisor_right.value == pytest.approx(3 / 4)
    assert actual.supervisor_wrong.value == pytest.approx(2 / 6)


@pytest.mark.parametrize(("classes", "chance"), [(2, False), (3, True)])
def test_chance_is_one_in_as_many_as_there_are_classes(classes: int, chance: bool) -> None:
    assert at_chance(Accuracy(value=0.34, low=0.31, high=0.37, per_seed=(0.34,)), classes) == chance


def test_the_hard_part_is_where_the_supervisor_gives_the_truth_least_whoever_is_judged_there() -> None:
    of_gold = np.array([[0.9, 0.8, 0.2, 0.4, 0.1, 0.3, 0.7, 0.6, 0.95, 0.5]], np.float32)  # the four lowest: 4, 2, 5, 3
    weak, student, _ = answers()
    actual = hard_of(np.stack([weak, student, weak | True]), of_gold, 0.55, CLUSTERS)
    assert actual.share == pytest.approx(0.4)
    for estimate, right in ((actual.weak, weak[0]), (actual.student, student[0]), (actual.ceiling, weak[0] | True)):
        assert estimate is not None
        assert estimate.value == pytest.approx(right[[2, 3, 4, 5]].mean())


def test_without_a_hard_part_there_is_no_accuracy_on_it() -> None:
    weak, _, _ = answers()
    actual = hard_of(np.stack([weak, weak, weak]), np.ones((1, 10), np.float32), 1, CLUSTERS)
    assert (actual.share, actual.student) == (0, None)
