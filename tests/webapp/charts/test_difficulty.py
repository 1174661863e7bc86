"""Accuracy by the supervisor's confidence."""

from tests.factories.result_groups import colours, estimate, values
from webapp.charts.difficulty import Accuracies, difficulty_chart
from webapp.charts.styles import CEILING, WEAK


def test_each_part_has_its_accuracy_and_a_part_without_examples_has_no_point() -> None:
    spec = difficulty_chart([Accuracies("Weak supervisor", WEAK, [estimate(0.5), None, estimate(0.9)])])
    assert [(row["part"], row["accuracy"]) for row in values(spec, "accuracy")] == [(1, 0.5), (3, 0.9)]
    assert "Weak supervisor: .500, none, .900" in spec["description"]


def test_whiskers_of_two_models_do_not_lie_on_each_other() -> None:
    parts = [estimate(0.6), estimate(0.7)]
    spec = difficulty_chart([Accuracies("Weak supervisor", WEAK, parts), Accuracies("Strong ceiling", CEILING, parts)])
    assert len({row["part"] for row in values(spec, "accuracy")}) == 4
    assert {"var(--weak)", "var(--strong)"} <= colours(spec)
