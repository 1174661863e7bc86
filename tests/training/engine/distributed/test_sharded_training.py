"""A model in shards trains as a whole one does, and each process holds its part of the weights only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.factories.process_groups import LOSS, Expected, after_step, assert_alike, attempt, empty
from training import Event


@pytest.mark.parametrize(
    ("name", "checkpointing"),
    [("decoder", False), ("decoder", True), ("encoder, confidence", False), ("decoder, LoRA", False)],
)
def test_a_model_in_shards_trains_as_a_whole_one(name: str, checkpointing: bool, expected: Expected, tmp_path: Path) -> None:
    run, alone, whole = expected(name)
    store = empty(alone, tmp_path / "shards")
    outcome = attempt(run.model_copy(update={"gradient_checkpointing": checkpointing}), store, sharded=True)
    assert outcome.error is None
    assert [event.kind for event in outcome.events] == [event.kind for event in whole.events]
    np.testing.assert_allclose(
        [event.loss for event in outcome.of("metric")], [event.loss for event in whole.of("metric")], atol=LOSS
    )
    assert_alike(run, alone, store)


@pytest.mark.parametrize("shards", [(True, False), (False, True)], ids=["from shards", "to shards"])
def test_a_checkpoint_does_not_say_whether_the_model_was_in_shards(
    shards: tuple[bool, bool], expected: Expected, tmp_path: Path
) -> None:
    run, alone, _ = expected("decoder")
    store = empty(alone, tmp_path / "parts")
    stopped = attempt(run, store, after_step(4), sharded=shards[0])
    assert stopped.error is None
    assert stopped.events[-1].kind == "stopped"
    assert attempt(run, store, sharded=shards[1], processes=2).of("started")[0].resumed_from > 0
    assert_alike(run, alone, store)


def weighing() -> None:
    """Each process leaves a file that says how many numbers of the model it has and how many there are."""
    from training.engine.loop import Loop

    fit = Loop.fit

    def weighed(self: Loop, evaluate: Callable[[int], Event], evaluations: int) -> None:
        parameters = list(self.model.parameters())
        local = sum(getattr(parameter, "_local_tensor", parameter).numel() for parameter in parameters)
        file = self.file.store.root / "runs" / f"{self.process_group.rank}.txt"
        file.write_text(f"{local} {sum(parameter.numel() for parameter in parameters)}")
        fit(self, evaluate, evaluations)

    Loop.fit = weighed  # type: ignore[method-assign]


@pytest.mark.parametrize("sharded", [True, False])
def test_of_a_model_in_shards_each_process_has_its_share_only(sharded: bool, expected: Expected, tmp_path: Path) -> None:
    run, alone, _ = expected("decoder")
    store = empty(alone, tmp_path / "weighed")
    attempt(run, store, after_step(1), weighing, sharded=sharded)
    held = [list(map(int, path.read_text().split())) for path in sorted((store.root / "runs").glob("*.txt"))]
    assert len(held) == 2
    assert [round(local / all_, 1) for local, all_ in held] == ([0.5, 0.5] if sharded else [1, 1])
