"""Answers, distances and flip steps of predictions with two classes and with more."""

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions, Trajectory
from webapp.example_queries.answers import answers, flips, shift


def said(prob: npt.ArrayLike, gold: list[int]) -> Predictions:
    number = np.arange(len(gold))
    return Predictions(number, np.repeat("test", len(gold)), number, np.array(gold, np.int8), np.array(prob, np.float32))


def test_of_two_classes_the_probability_of_class_one_is_drawn() -> None:
    answer = answers(said([0.9, 0.2, 0.5], [1, 1, 0]))
    assert answer.label.tolist() == [1, 0, 0]
    np.testing.assert_allclose(answer.confidence, [0.9, 0.8, 0.5])
    np.testing.assert_allclose(answer.of_gold, [0.9, 0.2, 0.5])
    np.testing.assert_allclose(answer.prob, [0.9, 0.2, 0.5])


def test_of_more_classes_that_of_the_gold_label_is_drawn() -> None:
    answer = answers(said([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]], [2, 0]))
    assert answer.label.tolist() == [1, 0]
    np.testing.assert_allclose(answer.confidence, [0.5, 0.4])
    np.testing.assert_allclose(answer.of_gold, [0.3, 0.4])
    np.testing.assert_allclose(answer.prob, answer.of_gold)


def test_two_models_are_apart_by_the_probability_that_one_of_them_would_have_to_move() -> None:
    np.testing.assert_allclose(shift(said([0.9, 0.2], [1, 1]), said([0.4, 0.3], [1, 1])), [0.5, 0.1])
    first, other = said([[0.2, 0.5, 0.3]], [0]), said([[0.3, 0.1, 0.6]], [0])
    np.testing.assert_allclose(shift(first, other), [0.4])


def test_a_student_flips_where_it_leaves_the_supervisor_for_good_and_unwatched_examples_never_do() -> None:
    steps = np.array([0, 5, 10, 15])
    prob = np.array([[0.1, 0.1], [0.9, 0.1], [0.2, 0.9], [0.9, 0.9]], np.float32)
    trajectory = Trajectory(steps, np.array([7, 9]), prob, np.full(4, np.nan), 15)
    place = np.array([0, -1, 1])
    assert flips(trajectory, place, np.zeros(3, np.int16)).tolist() == [15, -1, 10]


def test_a_student_of_three_classes_flips_to_whichever_other_label() -> None:
    prob, labels = np.array([[0.6], [0.2], [0.2]], np.float32), np.array([[0], [1], [2]], np.int8)
    trajectory = Trajectory(np.array([0, 5, 10]), np.array([7]), prob, np.full(3, np.nan), 10, labels)
    assert flips(trajectory, np.array([0]), np.zeros(1, np.int16)).tolist() == [5]
