"""Heads that are trained side by side: each run is what it is alone, whatever happens to the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.factories.runs import Recording, assert_same, at_step, finish, make_run
from training import Event, RunSpec, Store, execute_together
from training.engine import losses
from training.engine.distributed.process_group import ALONE
from training.engine.errors import Diverged, EngineError, Stopped
from training.engine.heads import side_by_side
from training.engine.heads import vectors as vectors_module
from training.engine.heads.vectors import Vectors
from training.engine.models.inputs import Dense
from training.engine.train import train
from training.spec.methods import Anchored, Confidence, ConfidenceBuffer, ConfidenceRelease, Entropy, Naive, Window

METHODS = (
    *(Naive(), Naive(labels="hard"), Confidence(), Confidence(threshold="prior"), ConfidenceRelease()),
    *(ConfidenceBuffer(buffer=20), Entropy(), Window(radius=0.3), Anchored(fraction=0.5)),
)
TOLERANCE = 1e-6
"""Largest difference of a probability between a head in a stack and the same run by the loop for transformers."""


@dataclass
class Group:
    """Runs that are trained together, with their events and errors by key."""

    store: Store
    should_stop: Callable[[str], bool] = lambda key: False
    events: dict[str, list[Any]] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)

    def train(self, runs: Sequence[RunSpec]) -> "Group":
        execute_together(runs, self.store, self.emit, lambda key: self.should_stop(key), self.errors.__setitem__)
        return self

    def emit(self, key: str, event: Event) -> None:
        self.events.setdefault(key, []).append(event)

    def steps(self, run: RunSpec) -> int:
        """Return the step of the last metric of a run."""
        return max((event.step for event in self.events.get(run.key(), ()) if event.kind == "metric"), default=0)


@pytest.fixture
def weak(store: Store) -> RunSpec:
    run = make_run(epochs=1)
    finish(run, store)
    return run


@pytest.fixture
def other_store(tmp_path: Path, store: Store, weak: RunSpec) -> Store:
    """A second store with the same features and supervisor."""
    other = Store(tmp_path / "other")
    other.root.mkdir()
    other.features.symlink_to(store.features.resolve())
    finish(weak, other)
    return other


def students(weak: RunSpec, **changes: Any) -> list[RunSpec]:
    """Students of every kind of loss, and ceilings of several seeds, rates, sizes of batches and lengths."""
    settings = {"limit": 60, "epochs": 2} | changes
    different = ({"seed": 1}, {"seed": 1, "lr": 0.1}, {"epochs": 3}, {"schedule": "constant"}, {"weight_decay": 0.1})
    by_method = [make_run("student", method=method, labels=weak.key(), **settings) for method in METHODS]
    return by_method + [make_run("ceiling", **settings | change) for change in (*different, {"batch_size": 7})]


def without_times(events: Sequence[Any]) -> list[dict[str, Any]]:
    return [event.model_dump(exclude={"seconds"}) for event in events]


@pytest.mark.parametrize("model", ["minilm-l1", "bag-of-words"])
def test_a_run_has_the_same_bits_and_events_alone_and_beside_others(
    model: str, store: Store, other_store: Store, weak: RunSpec
) -> None:
    scratch = {} if model == "minilm-l1" else {"model": model, "adaptation": "scratch", "digest": weak.digest, "lr": weak.lr}
    runs = students(weak, **scratch)
    together = Group(store).train(runs)
    assert not together.errors
    for run in runs:
        alone = finish(run, other_store)
        assert_same(other_store.read_predictions(run.key()), store.read_predictions(run.key()))
        trajectories = [each.read_trajectory(run.key()).prob.tobytes() for each in (store, other_store)]
        assert trajectories[0] == trajectories[1]
        assert without_times(together.events[run.key()]) == without_times(alone.events)


def test_a_head_learns_what_the_loop_for_transformers_would_teach_it(store: Store, other_store: Store, weak: RunSpec) -> None:
    for run in [*students(weak), make_run("weak", epochs=2, seed=3)]:
        train(run, other_store, lambda _: None, lambda: False, ALONE)
        finish(run, store)
        expected, actual = (each.read_predictions(run.key()) for each in (other_store, store))
        np.testing.assert_allclose(actual.prob, expected.prob, rtol=0, atol=TOLERANCE)
        by_loop, by_stack = (each.read_trajectory(run.key()) for each in (other_store, store))
        assert by_loop.selected == by_stack.selected
        np.testing.assert_allclose(by_stack.prob, by_loop.prob, rtol=0, atol=TOLERANCE)


def test_a_run_that_diverges_or_cannot_begin_leaves_the_others_as_they_are(
    store: Store, other_store: Store, weak: RunSpec
) -> None:
    sound, diverging = make_run("student", labels=weak.key()), make_run("student", labels=weak.key(), lr=1e37)
    orphan = make_run("student", labels="0" * 64)
    group = Group(store).train([diverging, sound, orphan])
    assert {key: type(error) for key, error in group.errors.items()} == {diverging.key(): Diverged, orphan.key(): EngineError}
    last = group.events[diverging.key()][-1]
    assert (last.kind, last.loss, last.nonfinite in ("nan", "inf")) == ("metric", None, True)
    finish(sound, other_store)
    assert_same(other_store.read_predictions(sound.key()), store.read_predictions(sound.key()))
    assert not store.finished(diverging.key())


def test_a_run_that_is_stopped_leaves_the_others_and_resumes_bit_for_bit_alone_or_beside_others(
    store: Store, other_store: Store, weak: RunSpec
) -> None:
    first, second, third = (make_run("ceiling", method=ConfidenceBuffer(), seed=seed) for seed in range(3))
    group = Group(store)
    group.should_stop = lambda key: key != third.key() and group.steps(first) > 10
    group.train([first, second, third])
    for run in (first, second):
        *_, saved, stopped = group.events[run.key()]
        assert (saved.kind, stopped.kind) == ("checkpoint", "stopped")
        assert 10 < saved.step == stopped.step
    assert group.events[third.key()][-1].kind == "finished"
    resumed = Group(store).train([first, make_run("ceiling", seed=4)])
    started = resumed.events[first.key()][0]
    assert started.resumed_from > 10
    assert finish(second, store).of("started")[0].resumed_from > 10
    for run in (first, second, third):
        finish(run, other_store)
        assert_same(other_store.read_predictions(run.key()), store.read_predictions(run.key()))


def test_a_run_that_is_stopped_while_it_waits_for_batches_of_another_size_stops_at_once(store: Store) -> None:
    first, waiting = (make_run("ceiling", epochs=2, batch_size=size) for size in (8, 16))
    ends, group = list[str](), Group(store)
    group.should_stop = lambda key: key == waiting.key() and group.steps(first) > 0
    emit = group.emit

    def watch(key: str, event: Event) -> None:
        emit(key, event)
        ends.extend([key] if event.kind in ("finished", "stopped") else [])

    group.emit = watch  # type: ignore[method-assign]
    group.train([first, waiting])
    assert ends == [waiting.key(), first.key()]
    assert group.events[waiting.key()][-1].kind == "stopped"


def test_runs_whose_vectors_would_fill_the_memory_are_trained_one_after_the_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "STEP_BYTES", 1)
    first, second = (make_run("ceiling", epochs=1, seed=seed) for seed in (0, 1))
    logged, group = list[str](), Group(store)
    emit = group.emit

    def watch(key: str, event: Event) -> None:
        emit(key, event)
        logged.extend([key] if event.kind in ("metric", "finished") else [])

    group.emit = watch  # type: ignore[method-assign]
    group.train([first, second])
    assert [group.events[run.key()][-1].kind for run in (first, second)] == ["finished"] * 2
    assert logged == sorted(logged, key=[first.key(), second.key()].index)


def test_vectors_beyond_the_cache_are_in_memory_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(20_000)
    vectors = Vectors(Dense(np.arange(40_000, dtype=np.float32).reshape(-1, 2)))
    cached = list(vectors.parts(rows))
    assert vectors.parts(rows) is vectors.parts(rows)
    monkeypatch.setattr(vectors_module, "CACHE_BYTES", 1)
    others = Vectors(vectors.inputs)
    parts = iter(others.parts(rows))
    monkeypatch.setattr(others, "of", lambda rows: torch.zeros(len(rows), 2))
    assert not next(parts).any(), "computed when it is asked for"
    assert [len(part) for part in cached] == [8192, 8192, 3616]


def test_a_checkpoint_of_the_loop_for_transformers_goes_on_in_a_stack(store: Store, other_store: Store, weak: RunSpec) -> None:
    for run in (make_run("student", labels=weak.key()), make_run("weak", seed=1)):
        recording = Recording(stop_after=at_step(6))
        with pytest.raises(Stopped):
            train(run, store, recording.emit, partial(getattr, recording, "stop"), ALONE)
        assert finish(run, store).of("started")[0].resumed_from >= 5
        finish(run, other_store)
        expected, actual = (each.read_predictions(run.key()).prob for each in (other_store, store))
        np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


def test_a_run_that_is_stopped_while_features_are_computed_does_not_stop_the_computation_for_others(store: Store) -> None:
    store.features.unlink()
    first, second = (make_run("ceiling", seed=seed, epochs=1) for seed in (0, 1))
    group = Group(store)
    group.should_stop = lambda key: key == first.key() and any(event.kind == "progress" for event in group.events.get(key, ()))
    group.train([first, second])
    assert [event.kind for event in group.events[first.key()]] == ["started", "progress", "stopped"]
    assert group.events[second.key()][-1].kind == "finished"


def test_a_quantile_is_that_of_torch() -> None:
    torch.manual_seed(0)
    for size in (2, 3, 32, 33):
        for share in (*torch.rand(20), torch.tensor(0.0), torch.tensor(1.0)):
            values = torch.randn(size)
            assert torch.equal(losses.quantile(values, share), torch.quantile(values, share))
