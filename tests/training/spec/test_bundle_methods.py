"""Thresholds of guesses follow the number of classes, and the keys of stored runs do not change."""

import pytest

from training.spec.methods import Anchored, Confidence, Naive
from training.spec.methods.classes import for_classes


def test_more_than_two_classes_have_balanced_guesses_and_two_have_a_threshold() -> None:
    assert for_classes(Confidence(), 3) == Confidence(threshold="balanced")
    assert for_classes(Confidence(threshold="prior"), 1000) == Confidence(threshold="balanced")
    assert for_classes(Anchored(), 3) == Anchored(threshold="balanced")
    assert for_classes(Confidence(threshold="balanced"), 2) == Confidence(threshold="prior")
    assert for_classes(Anchored(threshold="balanced"), 2) == Anchored()


@pytest.mark.parametrize("method", [Naive(), Confidence(), Confidence(threshold="prior"), Anchored()])
def test_methods_of_two_classes_stay_as_they_are(method: Naive | Confidence | Anchored) -> None:
    assert for_classes(method, 2) == method
