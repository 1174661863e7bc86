"""Runs that write answers outlive their trainer: killed while it trains and while it writes, they end with the same answers."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.factories.runs import finish
from tests.lab import Lab
from training import ExperimentSpec, Store, make_plan
from training.storage.artifacts import same

SECONDS = 180.0


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A laboratory that checkpoints all the time, with the threads of this process: sampled answers depend on the last bit."""
    threads = str(torch.get_num_threads())
    with Lab(tmp_path_factory.mktemp("writing"), W2S_CHECKPOINT_SECONDS="0.05", W2S_THREADS=threads) as lab:
        yield lab


def puzzles(name: str, epochs: int, samples: int, tested: float) -> dict[str, Any]:
    """A supervisor of chess puzzles that writes ``samples`` answers to each of this share of all puzzles, for some seconds."""
    settings = {"tuning": "full", "epochs": epochs, "answer_tokens": 6, "answer_samples": samples}
    return {
        "name": name,
        "weak": {"models": ["chess-small"], **settings},
        "strong": {"models": ["chess-small"], **settings},
        "data": {"name": "chess-puzzles", "limit": 64, "test_fraction": tested},
        "methods": [{"kind": "naive"}],
        "seeds": 1,
    }


def written(lab: Lab, run: int) -> int:
    """The number of answers that the run has written."""
    done = [event["done"] for event in lab.events(run) if event["kind"] == "progress" and event["phase"] == "answers"]
    return max(done, default=0)


def has_stored_answers(lab: Lab, run: int) -> bool:
    """Return whether a checkpoint has answers that the run has written."""
    kinds = [event["kind"] if event.get("phase") != "answers" else "answers" for event in lab.events(run)]
    return "answers" in kinds and "checkpoint" in kinds[kinds.index("answers") :]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_trainer_killed_in_training_and_in_writing_ends_with_the_answers_of_an_undisturbed_one(
    writing: Lab, tmp_path: Path
) -> None:
    spec = puzzles("Killed", epochs=4, samples=8, tested=0.05)
    pk = writing.launch(spec)
    run = int(writing.run(pk, "weak")["run"])
    writing.until(
        lambda: [event for event in writing.events(run) if event["kind"] == "checkpoint" and event["step"] > 0], SECONDS
    )
    writing.kill("training", "execute")
    writing.until(lambda: [event["kind"] for event in writing.events(run)].count("lost") == 1, SECONDS)
    writing.until(lambda: has_stored_answers(writing, run), SECONDS)
    writing.kill("training", "execute")
    writing.until(lambda: [event["kind"] for event in writing.events(run)].count("lost") == 2, SECONDS)
    writing.until(lambda: writing.run(pk, "weak")["status"] == "finished", SECONDS)
    writing.call("POST", f"/experiments/{pk}/stop")

    starts = [event for event in writing.events(run) if event["kind"] == "started"]
    assert len(starts) == 3
    assert 0 < starts[1]["resumed_from"] < starts[2]["resumed_from"] == starts[2]["total_steps"]
    key = writing.run(pk, "weak")["key"]
    control = Store(tmp_path / "control")
    finish(make_plan(ExperimentSpec.model_validate(spec)).runs[key], control)
    assert same(Store(writing.data_dir / "artifacts"), key, control, key)


def test_a_stop_while_answers_are_written_ends_the_trainer_within_five_seconds_and_keeps_them(writing: Lab) -> None:
    pk = writing.launch(puzzles("Stopped", epochs=1, samples=64, tested=0.2))
    run = int(writing.run(pk, "weak")["run"])
    writing.until(lambda: written(writing, run) > 0, SECONDS)
    begun = time.monotonic()
    assert writing.call("POST", f"/experiments/{pk}/stop")[0] == 200
    writing.until(lambda: not writing.processes("training", "execute"), 5)
    assert time.monotonic() - begun < 5
    assert writing.finished(pk)["state"] == "stopped"
    assert writing.events(run)[-1]["kind"] == "stopped"
