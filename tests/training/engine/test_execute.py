"""Whole runs on the small data set: what they promise about equality, interruption and events."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.training.conftest import Recording, finish, make_run
from training import Event, RunSpec, Store, execute
from training.artifacts import Predictions
from training.engine import loop
from training.engine.errors import Diverged, EngineError
from training.spec import Confidence


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
    expected = store.read_predictions(run.key())
    (store.run(run.key()) / "predictions.parquet").unlink()

    first = interrupted(run, store, at_step(5))
    assert not store.finished(run.key())
    assert first.events[-2:] == [*first.of("checkpoint"), *first.of("stopped")]
    second = finish(run, store)
    assert second.of("started")[0].resumed_from == first.of("stopped")[0].step == 5
    assert_same(store.read_predictions(run.key()), expected)
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
    assert recording.of("evaluation")[-1].accuracy == recording.of("finished")[0].accuracy
    assert recording.of("evaluation")[-1].agreement is not None
    assert recording.of("metric")[0].confidence_weight == 0
    assert recording.of("metric")[-1].confidence_weight == 0.5


def test_predictions_are_of_half_b_and_the_test_set_whoever_trained(store: Store) -> None:
    weak, ceiling = predictions(make_run(), store), predictions(make_run("ceiling"), store)
    np.testing.assert_array_equal(weak.id, ceiling.id)
    np.testing.assert_array_equal(weak.split, ceiling.split)
    assert set(weak.split) == {"transfer", "test"}


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
