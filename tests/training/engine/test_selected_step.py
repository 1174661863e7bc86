"""Predictions, weak labels and accuracies come from the selected step."""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories.runs import KINDS, Make, assert_same, finish, predictions, run_on_weak_labels
from training import Store
from training.engine import selection
from training.engine import train as training
from training.engine.evaluation_schedule import evaluation_schedule


def test_the_predictions_are_those_of_the_earliest_best_step_by_validation(store: Store) -> None:
    recording = finish(run := run_on_weak_labels(store), store)
    trajectory, test = store.read_trajectory(run.key()), store.read_predictions(run.key()).part("test")
    evaluations = {event.step: event for event in recording.of("evaluation")}
    best = max(event.validation_accuracy for step, event in evaluations.items() if step)
    chosen = min(step for step, event in evaluations.items() if step and event.validation_accuracy == best)
    last = max(evaluations)
    assert 0 < chosen < last, "this run has nothing to choose"
    assert (trajectory.selected, trajectory.last) == (chosen, last)
    assert trajectory.steps.tolist() == sorted(evaluations)
    assert trajectory.validation.tolist() == [evaluations[step].validation_accuracy for step in sorted(evaluations)]
    assert trajectory.id.tolist() == test.id.tolist()
    assert test.prob.tobytes() == trajectory.at(chosen).tobytes()
    assert [trajectory.accuracy(step, test.gold) for step in trajectory.steps] == [
        evaluations[step].accuracy for step in trajectory.steps
    ]


def test_the_last_word_has_all_three_accuracies_and_hindsight_is_the_best(store: Store) -> None:
    recording = finish(run := run_on_weak_labels(store), store)
    (said,) = recording.of("finished")
    accuracies = {event.step: event.accuracy for event in recording.of("evaluation") if event.step}
    assert said.accuracy == accuracies[said.selected_step]
    assert said.last_accuracy == accuracies[said.last_step]
    assert said.hindsight_accuracy == accuracies[said.hindsight_step] == max(accuracies.values())
    assert finish(run, store).of("finished")[0].model_copy(update={"seconds": said.seconds}) == said


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_weak_labels_are_by_the_weights_of_the_selected_step(make: Make, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of which the first epoch is selected says the same of rows that it never looked at as a run of one epoch."""
    run = make().model_copy(update={"schedule": "constant"})
    monkeypatch.setattr(
        training,
        "evaluation_schedule",
        lambda run, split, group, weights: replace(evaluation_schedule(run, split, group, weights), times=run.epochs),
    )
    monkeypatch.setattr(selection, "earliest_best", lambda steps, _: steps[1])
    selected = predictions(run, store)
    assert store.read_trajectory(run.key()).selected < store.read_trajectory(run.key()).last
    once = predictions(run.model_copy(update={"epochs": 1, "stop": "last"}), store)
    for part in ("transfer", "test", "locked"):
        assert_same(selected.part(part), once.part(part))


def test_test_rows_that_were_not_watched_are_predicted_by_the_selected_weights_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_on_weak_labels(store)
    whole = predictions(run, store)
    again = Store(store.root / "again")
    for key in (run.labels,):
        again.write_predictions(key, store.read_predictions(key))
    monkeypatch.setattr(
        training,
        "evaluation_schedule",
        lambda run, split, group, weights: replace(evaluation_schedule(run, split, group, weights), watched=split.test[3::4]),
    )
    recording = finish(run, again)
    np.testing.assert_allclose(again.read_predictions(run.key()).prob, whole.prob, atol=1e-6)
    trajectory, test = again.read_trajectory(run.key()), whole.part("test")
    assert trajectory.id.tolist() == test.id[3::4].tolist()
    (said,) = recording.of("finished")
    assert (said.accuracy, said.watched) == (test.right.mean(), len(test.id[3::4]))
    assert said.last_accuracy == trajectory.accuracy(trajectory.last, test.gold[3::4])


def test_stopping_last_takes_the_last_step_whatever_validation_says(store: Store) -> None:
    run = run_on_weak_labels(store, stop="last")
    last = predictions(run, store)
    by_validation = run.model_copy(update={"stop": "validation"})
    selected = predictions(by_validation, store)
    first, other = store.read_trajectory(run.key()), store.read_trajectory(by_validation.key())
    assert (first.selected, other.last) == (first.last, first.last)
    assert first.prob.tobytes() == other.prob.tobytes()
    assert last.part("test").prob.tobytes() == other.at(other.last).tobytes()
    assert selected.part("transfer").prob.tobytes() != last.part("transfer").prob.tobytes()
