"""Whole runs on the small data set: what they promise about equality, interruption and events."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import Recording, finish, make_run
from training import Event, RunSpec, Store, execute
from training.engine import loop, selection
from training.engine import train as training
from training.engine.data.examples import load_examples
from training.engine.data.split import Rows, Split, split_for
from training.engine.errors import Diverged, EngineError
from training.engine.evaluation_schedule import EvaluationSchedule, evaluation_schedule
from training.spec import Confidence
from training.storage.predictions import Predictions, Trajectory


def predictions(run: RunSpec, store: Store) -> Predictions:
    if not store.finished(run.key()):
        for needed in run.needs:
            assert store.finished(needed)
        finish(run, store)
    return store.read_predictions(run.key())


def taught(store: Store, **changes: object) -> RunSpec:
    """A student whose supervisor has finished."""
    finish(make_run(), store)
    return make_run("student", **changes)


def full(**changes: object) -> RunSpec:
    """A fully tuned model, at a learning rate that shows something within a few steps."""
    return make_run("ceiling", adaptation="full", epochs=3, lr=5e-4, **changes)


Make = Callable[[], RunSpec]
KINDS: dict[str, Make] = {
    "bag of words": make_run,
    "probe": lambda: make_run("ceiling"),
    "full": lambda: full(limit=64),
    "lora": lambda: full(limit=64).model_copy(update={"adaptation": "lora", "lora_rank": 4, "lora_alpha": 8, "lr": 5e-3}),
}


def assert_same(one: Predictions, other: Predictions) -> None:
    np.testing.assert_array_equal(one.id, other.id)
    assert one.prob.tobytes() == other.prob.tobytes()


def assert_same_trajectory(one: Trajectory, other: Trajectory) -> None:
    assert one.selected == other.selected
    for name in ("steps", "id", "prob", "validation"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def interrupted(run: RunSpec, store: Store, stop_after: Callable[[Event], bool]) -> Recording:
    recording = Recording(stop_after=stop_after)
    execute(run, store, recording.emit, lambda: recording.stop)
    return recording


def at_step(step: int) -> Callable[[Event], bool]:
    return lambda event: event.kind == "metric" and event.step >= step


def test_confidence_of_weight_zero_is_naive_bit_for_bit(store: Store) -> None:
    naive = taught(store)
    assert_same(predictions(naive, store), predictions(naive.model_copy(update={"method": Confidence(weight=0)}), store))


def test_confidence_of_another_weight_is_not_naive(store: Store) -> None:
    naive = taught(store)
    other = predictions(naive.model_copy(update={"method": Confidence(weight=0.5)}), store)
    assert (predictions(naive, store).prob != other.prob).any()


def test_a_student_taught_the_truth_as_weak_labels_equals_the_ceiling_bit_for_bit(store: Store) -> None:
    ceiling = make_run("ceiling")
    expected = predictions(ceiling, store)
    oracle = Predictions(expected.id, expected.split, expected.group, expected.gold, expected.gold.astype(np.float32))
    store.write_predictions("oracle", oracle)
    assert_same(predictions(ceiling.model_copy(update={"labels": "oracle"}), store), expected)


@pytest.mark.parametrize("make", [KINDS["bag of words"], KINDS["probe"]], ids=["bag of words", "probe"])
def test_the_same_run_twice_gives_the_same_predictions(make: Make, store: Store) -> None:
    run = make()
    first = predictions(run, store)
    (store.run(run.key()) / "predictions.parquet").unlink()
    assert_same(predictions(run, store), first)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(make: Make, store: Store) -> None:
    run = make()
    whole = finish(run, store)
    expected, trajectory = store.read_predictions(run.key()), store.read_trajectory(run.key())
    (store.run(run.key()) / "predictions.parquet").unlink()

    first = interrupted(run, store, at_step(5))
    assert not store.finished(run.key())
    assert first.events[-2:] == [*first.of("checkpoint"), *first.of("stopped")]
    second = finish(run, store)
    assert second.of("started")[0].resumed_from == first.of("stopped")[0].step == 5
    assert_same(store.read_predictions(run.key()), expected)
    assert_same_trajectory(store.read_trajectory(run.key()), trajectory)
    for kind in ("metric", "evaluation"):
        assert first.of(kind) + second.of(kind) == whole.of(kind)
    assert not store.checkpoint(run.key()).exists()


def test_a_stop_in_an_evaluation_loses_and_doubles_none(store: Store) -> None:
    run = full(limit=64)
    whole = finish(run, store)
    (store.run(run.key()) / "predictions.parquet").unlink()
    asked = 0

    def in_the_second_evaluation() -> bool:
        nonlocal asked
        asked += 1
        # Once by each of the steps before it; then by its parts. The first evaluation, of a head of zeros, takes no time.
        return asked == step + 2

    step: int = whole.of("evaluation")[1].step
    first = Recording()
    execute(run, store, first.emit, in_the_second_evaluation)
    assert first.of("stopped")[0].step == step
    assert len(first.of("evaluation")) == 1
    assert first.of("evaluation") + finish(run, store).of("evaluation") == whole.of("evaluation")


def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("ceiling")
    expected = predictions(run, store)
    (store.run(run.key()) / "predictions.parquet").unlink()
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(loop, "CHECKPOINT_PAUSE", 0)

    def killed(event: Event) -> None:
        if event.kind == "metric" and event.step == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, store, killed, lambda: False)
    assert finish(run, store).of("started")[0].resumed_from == 8
    assert_same(store.read_predictions(run.key()), expected)


def test_a_damaged_checkpoint_means_training_from_the_beginning(store: Store) -> None:
    run = make_run("ceiling")
    expected = predictions(run, store)
    (store.run(run.key()) / "predictions.parquet").unlink()
    interrupted(run, store, at_step(5))
    store.checkpoint(run.key()).write_bytes(b"damaged")
    assert finish(run, store).of("started")[0].resumed_from == 0
    assert_same(store.read_predictions(run.key()), expected)


@pytest.mark.parametrize("make", [KINDS["probe"], lambda: full(batch_size=200)], ids=["among the features", "in one great batch"])
def test_a_stop_is_heard_before_anything_was_trained(make: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("fresh"))
    recording = interrupted(make(), store, lambda event: event.kind in {"progress", "evaluation"})
    assert recording.events[-1] == recording.of("stopped")[0]
    assert recording.of("stopped")[0].step == 0


def test_a_batch_in_parts_has_the_gradient_of_the_whole_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.engine.data import tokens

    run = full(batch_size=64, limit=64, method=Confidence(ramp=0)).model_copy(update={"epochs": 1})
    parts = predictions(run, store)
    (store.run(run.key()) / "predictions.parquet").unlink()
    monkeypatch.setattr(tokens, "TRANSFORMER_BUDGET", 10**6)
    np.testing.assert_allclose(predictions(run, store).prob, parts.prob, atol=1e-4)


def test_a_finished_run_is_reported_again_and_not_trained_again(store: Store) -> None:
    run = make_run()
    first, second = finish(run, store), finish(run, store)
    assert [event.kind for event in second.events] == ["finished"]
    assert second.events[0].accuracy == first.of("finished")[0].accuracy  # type: ignore[union-attr]


def test_the_events_tell_the_story_in_order(store: Store) -> None:
    run = taught(store, method=Confidence(weight=0.5, ramp=0.5))
    recording = finish(run, store)
    started, finished = recording.events[0], recording.events[-1]
    total = recording.of("started")[0].total_steps
    assert (started.kind, finished.kind) == ("started", "finished")
    assert [event.step for event in recording.of("evaluation")][:1] == [0]
    assert recording.of("evaluation")[-1].step == recording.of("metric")[-1].step == total
    assert recording.of("evaluation")[-1].accuracy == recording.of("finished")[0].last_accuracy
    assert recording.of("evaluation")[-1].agreement is not None
    assert recording.of("metric")[0].confidence_weight == 0
    assert recording.of("metric")[-1].confidence_weight == 0.5


def test_predictions_are_of_half_b_and_the_test_set_whoever_trained(store: Store) -> None:
    weak, ceiling = predictions(make_run(), store), predictions(make_run("ceiling"), store)
    np.testing.assert_array_equal(weak.id, ceiling.id)
    np.testing.assert_array_equal(weak.split, ceiling.split)
    assert set(weak.split) == {"transfer", "test", "locked"}


def test_weak_labels_cover_the_validation_rows_of_half_b(store: Store) -> None:
    run = make_run()
    examples = load_examples(run.dataset, run.fingerprint)
    split = split_for(run, examples.group)
    labelled = predictions(run, store).part("transfer").id
    assert labelled.tolist() == examples.id[split.b.rows].tolist()
    assert set(examples.id[split.b.validation]) <= set(labelled)


def test_the_log_says_how_many_rows_each_part_has(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run()
    with caplog.at_level("INFO"):
        finish(run, store)
    split = split_for(run, load_examples(run.dataset, run.fingerprint).group)
    for name, rows in split.parts.items():
        assert f"{name}: {len(rows)} rows" in caplog.text


def test_the_predictions_are_those_of_the_earliest_best_step_by_validation(store: Store) -> None:
    recording = finish(run := taught(store), store)
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
    recording = finish(run := taught(store), store)
    (said,) = recording.of("finished")
    accuracies = {event.step: event.accuracy for event in recording.of("evaluation") if event.step}
    assert said.accuracy == accuracies[said.selected_step]
    assert said.last_accuracy == accuracies[said.last_step]
    assert said.hindsight_accuracy == accuracies[said.hindsight_step] == max(accuracies.values())
    assert finish(run, store).of("finished")[0].model_copy(update={"seconds": said.seconds}) == said


def change_schedule(monkeypatch: pytest.MonkeyPatch, changes: Callable[[RunSpec, Split], dict[str, Any]]) -> None:
    """Runs are evaluated by the usual schedule with ``changes``."""

    def changed(run: RunSpec, split: Split, group: Rows) -> EvaluationSchedule:
        return replace(evaluation_schedule(run, split, group), **changes(run, split))

    monkeypatch.setattr(training, "evaluation_schedule", changed)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_weak_labels_are_by_the_weights_of_the_selected_step(make: Make, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of which the first epoch is selected says the same of rows that it never looked at as a run of one epoch."""
    run = make().model_copy(update={"schedule": "constant"})
    monkeypatch.setattr(
        training,
        "evaluation_schedule",
        lambda run, split, group: replace(evaluation_schedule(run, split, group), times=run.epochs),
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
    run = taught(store)
    whole = predictions(run, store)
    again = Store(store.root / "again")
    for key in (run.labels,):
        again.write_predictions(key, store.read_predictions(key))
    monkeypatch.setattr(
        training,
        "evaluation_schedule",
        lambda run, split, group: replace(evaluation_schedule(run, split, group), watched=split.test[3::4]),
    )
    recording = finish(run, again)
    np.testing.assert_allclose(again.read_predictions(run.key()).prob, whole.prob, atol=1e-6)
    trajectory, test = again.read_trajectory(run.key()), whole.part("test")
    assert trajectory.id.tolist() == test.id[3::4].tolist()
    (said,) = recording.of("finished")
    assert (said.accuracy, said.watched) == (test.right.mean(), len(test.id[3::4]))
    assert said.last_accuracy == trajectory.accuracy(trajectory.last, test.gold[3::4])


def test_stopping_last_takes_the_last_step_whatever_validation_says(store: Store) -> None:
    run = taught(store, stop="last")
    last = predictions(run, store)
    by_validation = run.model_copy(update={"stop": "validation"})
    selected = predictions(by_validation, store)
    one, other = store.read_trajectory(run.key()), store.read_trajectory(by_validation.key())
    assert (one.selected, other.last) == (one.last, one.last)
    assert one.prob.tobytes() == other.prob.tobytes()
    assert last.part("test").prob.tobytes() == other.at(other.last).tobytes()
    assert selected.part("transfer").prob.tobytes() != last.part("transfer").prob.tobytes()


def test_only_small_weights_are_kept_unless_asked(store: Store) -> None:
    head, whole, kept = make_run("ceiling"), full(limit=64), full(limit=65, keep_weights=True)
    for run in (head, whole, kept):
        finish(run, store)
    assert [store.weights(run.key()).exists() for run in (head, whole, kept)] == [True, False, True]
    for run in (head, whole, kept):
        assert {path.suffix for path in store.run(run.key()).iterdir()} <= {".json", ".parquet", ".safetensors", ".sha256"}
        assert not list(store.run(run.key()).glob("best-*"))


def test_a_fully_tuned_model_learns_and_learns_the_same_again(store: Store) -> None:
    run = full(limit=96)
    first = predictions(run, store)
    assert first.part("test").right.mean() > 0.65
    (store.run(run.key()) / "predictions.parquet").unlink()
    assert_same(predictions(run, store), first)


def test_a_loss_that_is_no_number_fails_the_run_with_advice(store: Store) -> None:
    with pytest.raises(Diverged, match="smaller learning rate"):
        finish(make_run("ceiling", lr=1e37), store)


def test_a_run_of_another_version_of_the_engine_is_refused(store: Store) -> None:
    with pytest.raises(EngineError, match="version 99"):
        finish(make_run(engine=99), store)


@pytest.mark.parametrize("adaptation", ["probe", "full"])
def test_the_beginning_of_a_run_says_what_the_whole_one_said_at_that_step(store: Store, adaptation: str) -> None:
    run = make_run("ceiling", adaptation=adaptation, stop="last", lr=5e-4)
    finish(run, store)
    course = store.read_trajectory(run.key())
    step = int(course.steps[len(course.steps) // 2])
    beginning = run.model_copy(update={"stop_at": step})
    assert beginning.key() != run.key()
    told = finish(beginning, store)
    assert (told.of("started")[0].total_steps, told.of("finished")[0].last_step) == (step, step)
    said = store.read_predictions(beginning.key()).part("test")
    order = np.argsort(course.id)
    watched = said.take(np.isin(said.id, course.id))
    np.testing.assert_array_equal(watched.prob[np.argsort(watched.id)], course.at(step)[order])


def test_a_run_that_was_stopped_is_evaluated_from_its_checkpoint_without_another_step(store: Store) -> None:
    run = make_run("ceiling", epochs=40)
    recording = Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 9)
    execute(run, store, recording.emit, lambda: recording.stop)
    (stopped,) = recording.of("stopped")
    beginning = run.model_copy(update={"stop_at": stopped.step})
    told = finish(beginning, store)
    assert told.of("started")[0].resumed_from == stopped.step
    assert not told.of("metric")
    course = store.read_trajectory(beginning.key())
    assert [event.step for event in told.of("evaluation")] == course.steps.tolist()
    assert course.last == stopped.step
    before = {event.step: event for event in recording.of("evaluation")}
    for event in told.of("evaluation")[:-1]:
        assert event == before[event.step].model_copy(update={"validation_loss": None}), "what was told before is told again"
    assert store.checkpoint(run.key()).exists(), "the whole run can still go on"
