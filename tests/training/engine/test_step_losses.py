"""Single steps in a metric: the least and the greatest loss, the first that is not finite, and the examples seen."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from tests.factories.process_groups import LOSS, attempt, rows_of, tiny
from tests.factories.runs import Make, Recording, finish, full, interrupted, make_run
from training import Store, execute
from training.engine import checkpoint, schedule
from training.engine.errors import Diverged
from training.engine.step_losses import StepLosses
from training.events import MetricLogged

EVERY_STEP = 10**6
KINDS = {"head": lambda: make_run("ceiling", limit=90), "whole model": lambda: full(limit=64)}
BOTH = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def trained(make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch, metrics: int) -> Recording:
    monkeypatch.setattr(schedule, "METRICS", metrics)
    return finish(make(), Store(folder))


@BOTH
def test_a_metric_has_the_extremes_of_the_steps_since_the_one_before_and_counts_examples(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {event.step: event for event in trained(make, tmp_path / "each", monkeypatch, EVERY_STEP).of("metric")}
    logged = trained(make, tmp_path / "few", monkeypatch, 4).of("metric")
    assert len(logged) == 4 < len(steps)
    run = make()
    assert (steps[1].examples, steps[len(steps)].examples) == (run.batch_size, run.epochs * rows_of(run))
    for before, event in pairwise([MetricLogged(step=0, loss=0, lr=0), *logged]):
        own = [steps[step] for step in range(before.step + 1, event.step + 1)]
        least, greatest = min(own, key=lambda step: step.loss), max(own, key=lambda step: step.loss)
        assert (event.extremes.least_step, event.extremes.greatest_step) == (least.step, greatest.step)
        assert (event.extremes.least, event.extremes.greatest) == pytest.approx((least.loss, greatest.loss), rel=1e-6)
    assert all(event.extremes is None for event in steps.values())


@BOTH
def test_the_event_of_a_loss_that_is_no_number_has_the_first_such_step(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for metrics in (EVERY_STEP, 1):
        monkeypatch.setattr(schedule, "METRICS", metrics)
        recording, store = Recording(), Store(tmp_path / str(metrics))
        with pytest.raises(Diverged) as failure:
            execute(make().model_copy(update={"lr": 1e37}), store, recording.emit, lambda: False)
        last = recording.of("metric")[-1]
        assert f"at step {last.step}:" in str(failure.value)
        seen.append((last.step, last.nonfinite, last.lr))
    assert seen[0] == seen[1]
    assert seen[0][0] > 1


@BOTH
def test_a_run_that_was_interrupted_between_two_metrics_has_the_same_extremes(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(make, tmp_path / "whole", monkeypatch, 3)
    store, between = Store(tmp_path / "parts"), whole.of("metric")[1].step
    first = interrupted(make(), store, lambda event: event.kind == "evaluation" and event.step > between)
    saved = checkpoint.load(store.checkpoint(make().key()))
    assert saved
    assert len(saved["losses"]) == first.of("stopped")[0].step - between
    second = finish(make(), store)
    assert first.of("metric") + second.of("metric") == whole.of("metric")


def test_two_processes_log_the_extremes_of_whole_batches(models: dict[str, Path], tmp_path: Path) -> None:
    run = tiny(models, "llama", epochs=25, lr=3e-4)
    alone, both = finish(run, Store(tmp_path / "alone")), attempt(run, Store(tmp_path / "two"))
    assert both.error is None
    expected, logged = ([event.extremes for event in each.of("metric") if event.extremes] for each in (alone, both))
    assert len(expected) > 10
    for whole, shared in zip(expected, logged, strict=True):
        assert (shared.least, shared.greatest) == pytest.approx((whole.least, whole.greatest), abs=LOSS)
        if whole.greatest - whole.least > 2 * LOSS:
            assert (shared.least_step, shared.greatest_step) == (whole.least_step, whole.greatest_step)


def test_a_checkpoint_of_an_earlier_version_leaves_the_steps_before_it_out() -> None:
    losses = StepLosses({5, 10}, torch.device("cpu"))
    losses.add(torch.tensor(2.0))
    losses.restore(None)
    losses.add(torch.tensor(1.0))
    assert losses.since_logged.tolist() == [1.0]
