# mypy: disable-error-code="union-attr, operator"
"""Methods are compared with naive on the seeds that both have."""

import pytest

from tests.factories.results import LEVELS, FinishedRuns, plan_of
from training.spec import Confidence, Naive


def test_methods_are_contrasted_with_naive_and_corrected_when_there_are_several() -> None:
    methods = (Confidence(), Naive(), Confidence(weight=0.9))
    result = FinishedRuns(plan_of(5, methods), LEVELS).result()
    assert [(contrast.method_index, contrast.baseline_index) for contrast in result.contrasts] == [(0, 1), (2, 1)]
    for contrast in result.contrasts:
        first, two = result.groups[contrast.method_index], result.groups[1]
        assert contrast.difference.value == pytest.approx(first.student.value - two.student.value)
        assert contrast.pgr_difference.value == pytest.approx(first.pgr.value - two.pgr.value)
        assert contrast.p <= contrast.p_holm <= 1
    assert any(contrast.p < contrast.p_holm for contrast in result.contrasts)


def test_a_contrast_of_two_methods_is_not_corrected_and_needs_no_ceiling() -> None:
    finished = FinishedRuns(plan_of(3, (Naive(), Confidence())), LEVELS)
    for seed in range(3):
        finished.drop("ceiling", seed)
    (contrast,) = finished.result().contrasts
    assert contrast.p == contrast.p_holm
    assert contrast.seeds == (0, 1, 2)
    assert contrast.pgr_difference is None


def test_a_contrast_uses_the_seeds_that_both_methods_have() -> None:
    finished = FinishedRuns(plan_of(4, (Naive(), Confidence())), LEVELS)
    finished.drop("student", 0, method=0)
    finished.drop("student", 2, method=1)
    assert finished.result().contrasts[0].seeds == (1, 3)
