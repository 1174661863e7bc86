"""A run that is interrupted and resumed gives what an uninterrupted one gives, bit for bit."""

import numpy as np
import pytest

from tests.factories.runs import KINDS, Make, Recording, assert_same, at_step, finish, full, interrupted, make_run, predictions
from training import Event, Store, execute
from training.engine import loop
from training.storage.predictions import Trajectory


def assert_same_trajectory(first: Trajectory, other: Trajectory) -> None:
    assert first.selected == other.selected
    for name in ("steps", "id", "prob", "validation"):
        assert getattr(first, name).tobytes() == getattr(other, name).tobytes()


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
    checks = 0

    def in_the_second_evaluation() -> bool:
        nonlocal checks
        checks += 1
        # Once by each of the steps before it; then by its parts. The first evaluation, of a head of zeros, takes no time.
        return checks == step + 1

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


@pytest.mark.parametrize("adaptation", ["probe", "full"])
def test_the_beginning_of_a_run_says_what_the_whole_one_said_at_that_step(store: Store, adaptation: str) -> None:
    run = make_run("ceiling", adaptation=adaptation, stop="last", lr=5e-4)
    finish(run, store)
    course = store.read_trajectory(run.key())
    step = int(course.steps[len(course.steps) // 2])
    beginning = run.model_copy(update={"stop_at": step})
    assert beginning.key() != run.key()
    recording = finish(beginning, store)
    assert (recording.of("started")[0].total_steps, recording.of("finished")[0].last_step) == (step, step)
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
    evaluated = finish(beginning, store)
    assert evaluated.of("started")[0].resumed_from == stopped.step
    assert not evaluated.of("metric")
    course = store.read_trajectory(beginning.key())
    assert [event.step for event in evaluated.of("evaluation")] == course.steps.tolist()
    assert course.last == stopped.step
    before = {event.step: event for event in recording.of("evaluation")}
    for event in evaluated.of("evaluation")[:-1]:
        assert event == before[event.step].model_copy(update={"validation_loss": None}), "what was told before is told again"
    assert store.checkpoint(run.key()).exists(), "the whole run can still go on"
