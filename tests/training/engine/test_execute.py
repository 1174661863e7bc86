"""Whole runs on the small data set: equality, events, and the files that they leave."""

import gc

import numpy as np
import pytest

from tests.factories.runs import KINDS, Make, Recording, assert_same, finish, full, make_run, predictions, run_on_weak_labels
from training import Store, execute
from training.engine import losses
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.errors import Diverged, EngineError
from training.spec import Confidence
from training.storage.predictions import Predictions


def test_confidence_of_weight_zero_is_naive_bit_for_bit(store: Store) -> None:
    naive = run_on_weak_labels(store)
    assert_same(predictions(naive, store), predictions(naive.model_copy(update={"method": Confidence(weight=0)}), store))


def test_confidence_of_another_weight_is_not_naive(store: Store) -> None:
    naive = run_on_weak_labels(store)
    other = predictions(naive.model_copy(update={"method": Confidence(weight=0.5)}), store)
    assert (predictions(naive, store).prob != other.prob).any()


def test_a_student_trained_on_the_truth_as_weak_labels_equals_the_ceiling_bit_for_bit(store: Store) -> None:
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


def test_what_a_run_leaves_behind_is_collected_when_another_one_has_begun(store: Store) -> None:
    finish(make_run(), store)
    frozen = gc.get_freeze_count()
    finish(make_run("ceiling"), store)
    assert gc.get_freeze_count() == frozen


def test_the_events_come_in_order(store: Store) -> None:
    run = run_on_weak_labels(store, method=Confidence(weight=0.5, ramp=0.5))
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


def test_metrics_count_the_tokens_of_all_steps_so_far_and_none_of_features(store: Store) -> None:
    run = full(limit=64)
    counts = {event.step: event.tokens for event in finish(run, store).of("metric")}
    epoch = max(counts) // run.epochs
    each = counts[epoch]
    assert each
    assert [counts[epoch * epochs] for epochs in range(1, run.epochs + 1)] == [
        each * epochs for epochs in range(1, run.epochs + 1)
    ]
    assert sorted(counts.values()) == list(counts.values())
    assert {event.tokens for event in finish(make_run("ceiling"), store).of("metric")} == {None}


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


def test_only_small_weights_are_kept_unless_asked(store: Store) -> None:
    head, whole, stored = make_run("ceiling"), full(limit=64), full(limit=65, keep_weights=True)
    for run in (head, whole, stored):
        finish(run, store)
    assert [store.weights(run.key()).exists() for run in (head, whole, stored)] == [True, False, True]
    for run in (head, whole, stored):
        assert {path.suffix for path in store.run(run.key()).iterdir()} <= {".json", ".parquet", ".safetensors", ".sha256"}
        assert not list(store.run(run.key()).glob("best-*"))


def test_a_fully_tuned_model_learns_and_learns_the_same_again(store: Store) -> None:
    run = full(limit=96)
    first = predictions(run, store)
    assert first.part("test").right.mean() > 0.65
    (store.run(run.key()) / "predictions.parquet").unlink()
    assert_same(predictions(run, store), first)


@pytest.mark.parametrize(
    "make",
    [lambda: make_run("ceiling", lr=1e37), lambda: full(limit=64).model_copy(update={"lr": 1e37})],
    ids=["head", "whole model"],
)
def test_a_loss_that_is_no_number_fails_the_run_with_advice_after_an_event_of_its_step(make: Make, store: Store) -> None:
    recording = Recording()
    with pytest.raises(Diverged, match="smaller learning rate") as failure:
        execute(make(), store, recording.emit, lambda: False)
    *earlier, last = recording.of("metric")
    assert (last.loss, last.nonfinite in ("nan", "inf")) == (None, True)
    assert f"at step {last.step}:" in str(failure.value)
    assert all(event.loss is not None and event.nonfinite is None and event.step < last.step for event in earlier)


@pytest.mark.parametrize("make", [lambda: make_run("ceiling"), lambda: full(limit=64)], ids=["head", "whole model"])
@pytest.mark.parametrize("name", ["nan", "inf", "-inf"])
def test_the_event_says_which_value_the_loss_was(name: str, make: Make, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    weighted_loss, recording = losses.weighted_loss, Recording()
    monkeypatch.setattr(losses, "weighted_loss", lambda *arguments: weighted_loss(*arguments) + float(name))
    with pytest.raises(Diverged):
        execute(make(), store, recording.emit, lambda: False)
    assert [(event.loss, event.nonfinite) for event in recording.of("metric")] == [(None, name)]


def test_a_run_of_another_version_of_the_engine_is_refused(store: Store) -> None:
    with pytest.raises(EngineError, match="version 99"):
        finish(make_run(engine=99), store)
