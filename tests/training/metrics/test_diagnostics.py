"""Each measure against a table made by hand, an identity, or scikit-learn."""

from statistics import stdev

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from training.metrics.diagnostics import (
    Answers,
    calibration,
    capa,
    difficulty,
    error_agreement,
    kappa,
    log_point,
    noise,
    onset,
    parts_of,
    phi,
    squared_point,
)
from training.storage.probabilities import by_class, labels_of

GOLD = np.array([1, 1, 1, 0, 0, 0])
WEAK = np.array([0.9, 0.8, 0.35, 0.15, 0.6, 0.7])
"""Right, right, wrong, right, wrong, wrong."""
STUDENT = np.array([0.97, 0.01, 0.40, 0.99, 0.56, 0.54])
"""Confident disagreements: the second and the fourth. Of the supervisor's three errors it repeats all, two above .55."""


def answers(seed: int = 0, weak: np.ndarray = WEAK, prob: np.ndarray = STUDENT, gold: np.ndarray = GOLD) -> Answers:
    return Answers(seed, np.arange(len(gold)), gold, by_class(weak), by_class(prob))


def drawn(seed: int, classes: int = 3, n: int = 200) -> Answers:
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(99).integers(0, classes, n)
    weak, prob = (rng.dirichlet(np.ones(classes), n) for _ in range(2))
    return Answers(seed, np.arange(n), gold, weak, prob)


def test_confident_disagreement_is_a_share_of_all_and_confident_agreement_of_the_supervisors_errors() -> None:
    measures = error_agreement([answers()])
    assert measures.disagreement.value == pytest.approx(2 / 6)
    assert measures.agreement is not None
    assert measures.agreement.value == pytest.approx(2 / 3)


def test_the_thresholds_move() -> None:
    measures = error_agreement([answers()], cdr=0.985, car=0.5)
    assert measures.disagreement.value == pytest.approx(2 / 6)
    assert error_agreement([answers()], cdr=0.99).disagreement.value == 0
    assert measures.agreement is not None
    assert measures.agreement.value == 1


def test_without_an_error_of_the_supervisor_there_is_no_agreement_in_errors() -> None:
    measures = error_agreement([answers(weak=GOLD * 0.8 + 0.1)])
    assert measures.agreement is None
    assert measures.phi is None
    assert measures.kappa is not None


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_phi_and_kappa_are_those_of_scikit_learn(classes: int) -> None:
    said = drawn(1, classes)
    own, weak = labels_of(said.prob), labels_of(said.weak)
    assert phi(own != said.gold, weak != said.gold) == pytest.approx(matthews_corrcoef(own != said.gold, weak != said.gold))
    assert kappa(own, weak, classes) == pytest.approx(cohen_kappa_score(own, weak))


def test_capa_is_one_of_certain_equal_models_and_zero_of_models_that_agree_as_chance_has_it() -> None:
    gold = np.array([0, 0, 1, 1])
    same = by_class(np.array([0.0, 1.0, 1.0, 1.0]))
    assert capa(same, same, gold) == pytest.approx(1)
    errs_first, errs_second = by_class(np.array([1.0, 0.0, 1.0, 0.0])), by_class(np.array([1.0, 0.0, 0.0, 1.0]))
    assert capa(errs_first, errs_second, gold) == pytest.approx(0)


def test_capa_of_three_classes_spreads_chance_over_both_wrong_ones() -> None:
    first, two = np.array([[0.5, 0.3, 0.2]]), np.array([[0.2, 0.2, 0.6]])
    observed, expected = 0.1 + 0.06 + 0.12, 0.5 * 0.2 + 0.5 * 0.8 / 2
    assert capa(first, two, np.array([0])) == pytest.approx((observed - expected) / (1 - expected))


def test_the_projection_on_a_line_through_the_truth_gains_exactly_its_misfit() -> None:
    direction = GOLD - 0.5
    share = ((WEAK - 0.5) @ direction) / (direction @ direction)
    point = squared_point(answers(prob=0.5 + share * direction))
    assert point.gain == pytest.approx(point.misfit)
    assert point.misfit > 0.01


def test_gain_and_misfit_are_zero_of_a_copy_of_the_supervisor() -> None:
    for point in (squared_point(answers(prob=WEAK)), log_point(answers(prob=WEAK))):
        assert (point.gain, point.misfit) == pytest.approx((0, 0))


def test_the_log_misfit_has_the_student_first() -> None:
    point = log_point(answers())
    f, w = np.stack([1 - STUDENT, STUDENT]), np.stack([1 - WEAK, WEAK])
    assert point.misfit == pytest.approx((f * np.log(f / w)).sum(axis=0).mean())
    assert point.gain == pytest.approx((np.log(f) - np.log(w))[GOLD, np.arange(6)].mean())


def test_parts_go_from_the_least_sure_to_the_surest_and_are_of_equal_size() -> None:
    assert parts_of(by_class(WEAK), 3).tolist() == [2, 1, 0, 2, 0, 1]


def test_difficulty_is_the_accuracy_in_each_part_of_each_seeds_own_supervisor() -> None:
    student = np.array([0.9, 0.2, 0.9, 0.1, 0.9, 0.2])  # right but on the second and the fifth
    actual = difficulty([answers(prob=student), answers(1, np.roll(WEAK, 1), student)], 3)
    assert [estimate and estimate.value for estimate in actual] == pytest.approx([0.75, 0.75, 0.5])


def test_calibration_has_intervals_over_examples_and_the_range_of_the_seeds() -> None:
    said = [drawn(seed) for seed in range(3)]
    calibrated = calibration(said)
    single = [calibration([item]).error.value for item in said]
    assert (calibrated.error.value, calibrated.error.low, calibrated.error.high) == pytest.approx(
        (np.mean(single), min(single), max(single))
    )
    assert sum(item.count for item in calibrated.bins) == 600
    assert calibrated.brier.low is not None
    assert calibrated.brier.low < calibrated.brier.value
    assert calibration(said, "weak").brier.value == pytest.approx(np.mean([squared_point(item).misfit for item in said]))


def test_the_noise_floor_is_the_deviation_of_the_accuracies_of_seeds() -> None:
    said = [drawn(seed) for seed in range(3)]
    assert noise(said) == pytest.approx(stdev((run.prob.argmax(axis=1) == run.gold).mean() for run in said))
    assert noise(said[:1]) is None


def test_the_blind_spots_are_where_the_supervisor_doubts_and_the_model_is_surely_wrong() -> None:
    # The fifth of the student's errors below is sure of a wrong label, but its supervisor does not doubt.
    weak = np.array([0.55, 0.45, 0.60, 0.52, 0.9, 0.1])
    prob = np.array([0.02, 0.97, 0.99, 0.60, 0.01, 0.99])
    measures = error_agreement([answers(weak=weak, prob=prob, gold=np.array([1, 0, 1, 0, 1, 0]))], cdr=0.95)
    assert measures.blind.value == pytest.approx(2 / 6)
    assert (
        error_agreement([answers(weak=weak, prob=prob, gold=np.array([1, 0, 1, 0, 1, 0]))], cdr=0.95, doubt=0.5).blind.value == 0
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_overconfidence_is_the_calibration_error_with_its_signs(classes: int) -> None:
    said = drawn(3, classes)
    calibrated = calibration([said])
    signed = sum(bin_.count * (bin_.confidence - bin_.right) for bin_ in calibrated.bins) / len(said.gold)
    assert calibrated.overconfidence.value == pytest.approx(signed)
    assert abs(calibrated.overconfidence.value) <= calibrated.error.value + 1e-12


def test_the_imitation_onset_is_the_step_from_which_errors_are_repeated_to_the_end() -> None:
    gold, weak = np.array([1, 1, 1, 0, 0]), np.array([0, 0, 0, 0, 0])
    right, mixed, repeats = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 0, 0]), np.array([0, 0, 1, 0, 0])
    steps = np.arange(0, 50, 10)
    assert onset(steps, np.stack([repeats, right, repeats, repeats, repeats]), weak, gold) == 20
    assert onset(steps, np.stack([repeats, repeats, mixed, repeats, repeats]), weak, gold) == 30
    assert onset(steps, np.stack([repeats] * 5), weak, gold) == 10  # the untrained model does not count
    assert onset(steps, np.stack([right, repeats, repeats, repeats, mixed]), weak, gold) is None
    assert onset(steps, np.stack([right] * 5), gold, gold) is None
