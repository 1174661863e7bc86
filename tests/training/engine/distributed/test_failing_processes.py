"""A process that is killed, raises or runs out of memory decides for the whole group, and none outlives the others."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.factories.process_groups import LOSS, Expected, assert_alike, attempt, empty, group, tiny
from tests.factories.runs import finish
from training import Event, Store
from training.engine.errors import TooLarge


def kill_after(step: int, which: int) -> Callable[[Event, int], bool]:
    """kill -9 of a process, 0 for the one that watches, as soon as a step is told of."""

    def kill(event: Event, number: int) -> bool:
        if event.kind == "metric" and event.step >= step:
            os.kill(group(number)[which], signal.SIGKILL)
        return False

    return kill


def save_between_metrics() -> None:
    """After every step but those whose loss has just been told: all checkpoints carry a part of the next one."""
    from training.engine import loop

    loop.CHECKPOINT_SECONDS, loop.CHECKPOINT_PAUSE = -1.0, 0
    save = loop.Loop.save

    def sometimes(self: loop.Loop) -> None:
        if self.loss_count:
            save(self)

    loop.Loop.save = sometimes  # type: ignore[method-assign]


def test_a_killed_process_ends_the_others_at_once_and_the_run_with_the_reason(expected: Expected, tmp_path: Path) -> None:
    run, alone, _ = expected("decoder")
    begun = time.monotonic()
    outcome = attempt(run.model_copy(update={"epochs": 1000}), empty(alone, tmp_path / "killed"), kill_after(20, 2))
    assert time.monotonic() - begun < 30
    assert str(outcome.error) == (
        "One of the processes of this run, process 2 of 2, was killed by signal 9 (out of memory?) without saying why."
    )


def test_the_others_die_with_the_one_that_watches_and_the_run_goes_on_to_the_same_result(
    models: dict[str, Path], tmp_path: Path
) -> None:
    run, alone, store = tiny(models, "llama", epochs=40, lr=3e-4), Store(tmp_path / "alone"), Store(tmp_path / "killed")
    losses = {event.step: event.loss for event in finish(run, alone).of("metric")}
    killed = attempt(run, store, kill_after(20, 0), save_between_metrics)
    assert killed.events[-1].kind not in ("finished", "stopped")
    resumed = attempt(run, store)
    assert resumed.of("started")[0].resumed_from > 0
    np.testing.assert_allclose(
        [event.loss for event in resumed.of("metric")], [losses[event.step] for event in resumed.of("metric")], atol=LOSS
    )
    assert_alike(run, alone, store)


def cramped() -> None:
    """Only three texts fit at once, in the second process."""
    from training.engine.passes import Passes

    forward = Passes._forward

    def limited(self: Passes, rows: Any) -> Tensor:
        if self.process_group.rank == 1 and len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, rows)

    Passes._forward = limited  # type: ignore[method-assign]


@pytest.mark.parametrize("name", ["decoder", "encoder, confidence"])
def test_memory_that_runs_out_in_one_process_halves_the_parts_in_all(name: str, expected: Expected, tmp_path: Path) -> None:
    run, alone, whole = expected(name)
    store = empty(alone, tmp_path / "cramped")
    outcome = attempt(run, store, change=cramped)
    assert outcome.error is None
    assert [event.step for event in outcome.of("metric")] == [event.step for event in whole.of("metric")]
    assert_alike(run, alone, store)


def test_memory_that_runs_out_in_shards_fails_the_run_with_advice(expected: Expected, tmp_path: Path) -> None:
    run, alone, _ = expected("decoder")
    outcome = attempt(run, empty(alone, tmp_path / "cramped"), change=cramped, sharded=True)
    assert isinstance(outcome.error, TooLarge)
    assert "try more processes, gradient checkpointing, or fewer tokens" in str(outcome.error)


def diverging() -> None:
    from training.engine.errors import Diverged
    from training.engine.loop import Loop

    train_step = Loop._train_step

    def broken(self: Loop) -> None:
        if self.process_group.rank == 1 and self.step == 3:
            raise Diverged("the second process has found that 2 + 2 = 5")
        train_step(self)

    Loop._train_step = broken  # type: ignore[method-assign]


def test_what_one_process_raises_is_what_the_run_fails_with(expected: Expected, tmp_path: Path) -> None:
    run, alone, _ = expected("decoder")
    outcome = attempt(run, empty(alone, tmp_path / "broken"), change=diverging)
    assert str(outcome.error) == "the second process has found that 2 + 2 = 5"


def test_a_stop_is_heard_while_the_others_wait_for_the_main_process_to_read_the_texts(
    models: dict[str, Path], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    outcome = attempt(tiny(models, "llama"), store, lambda event, group: event.kind == "started")
    assert [event.kind for event in outcome.events[-1:]] == ["stopped"]
