"""Runs that write answers outlive their trainer: killed while it trains and while it writes, they end with the same answers."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.runs import finish
from tests.lab import Lab
from training import ExperimentSpec, Store, make_plan
from training.storage.artifacts import same


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A laboratory that checkpoints all the time."""
    with Lab(tmp_path_factory.mktemp("writing"), W2S_CHECKPOINT_SECONDS="0.05") as lab:
        yield lab


def puzzles(name: str, epochs: int, samples: int) -> dict[str, Any]:
    """A supervisor of chess puzzles whose answers take some seconds to write, with ``samples`` of each."""
    settings = {"tuning": "full", "epochs": epochs, "answer_tokens": 6, "answer_samples": samples}
    return {
        "name": name,
        "weak": {"models": ["chess-small"], **settings},
        "strong": {"models": ["chess-small"], **settings},
        "data": {"name": "chess-puzzles", "limit": 64, "test_fraction": 0.2},
        "methods": [{"kind": "naive"}],
        "seeds": 1,
    }


def written(lab: Lab, run: int) -> int:
    """The number of answers that the run has written."""
    done = [event["done"] for event in lab.events(run) if event["kind"] == "progress" and event["phase"] == "answers"]
    return max(done, default=0)


def test_a_trainer_killed_in_training_and_in_writing_ends_with_the_answers_of_an_undisturbed_one(
    writing: Lab, tmp_path: Path
) -> None:
    spec = puzzles("Killed", epochs=12, samples=4)
    pk = writing.launch(spec)
    run = int(writing.run(pk, "weak")["run"])
    writing.until(lambda: writing.run(pk, "weak")["step"] > 5)
    writing.kill("training", "execute")
    writing.until(lambda: [event["kind"] for event in writing.events(run)].count("lost") == 1)
    writing.until(lambda: written(writing, run) > 0, 120)
    writing.kill("training", "execute")
    writing.until(lambda: [event["kind"] for event in writing.events(run)].count("lost") == 2)
    writing.until(lambda: writing.run(pk, "weak")["status"] == "finished", 120)
    writing.call("POST", f"/experiments/{pk}/stop")

    starts = [event for event in writing.events(run) if event["kind"] == "started"]
    assert len(starts) == 3
    assert 0 < starts[1]["resumed_from"] < starts[2]["resumed_from"] == starts[2]["total_steps"]
    key = writing.run(pk, "weak")["key"]
    control = Store(tmp_path / "control")
    finish(make_plan(ExperimentSpec.model_validate(spec)).runs[key], control)
    assert same(Store(writing.data_dir / "artifacts"), key, control, key)


def test_a_stop_while_answers_are_written_ends_the_trainer_within_five_seconds_and_keeps_them(writing: Lab) -> None:
    pk = writing.launch(puzzles("Stopped", epochs=1, samples=64))
    run = int(writing.run(pk, "weak")["run"])
    writing.until(lambda: written(writing, run) > 0, 120)
    begun = time.monotonic()
    assert writing.call("POST", f"/experiments/{pk}/stop")[0] == 200
    writing.until(lambda: not writing.processes("training", "execute"), 5)
    assert time.monotonic() - begun < 5
    assert writing.finished(pk)["state"] == "stopped"
    assert writing.events(run)[-1]["kind"] == "stopped"
