"""Runs outlive what happens around them: closed browsers, dead workers, lost brokers, wishes to stop."""

import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab, quick, slow
from training import ExperimentSpec, Store, make_plan


def weak_started(lab: Lab, pk: int) -> int:
    """The id of the supervisor's run once it trains."""
    lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
    return int(lab.run(pk, "weak")["run"])


def predictions(lab: Lab, key: str) -> bytes:
    return Store(lab.data_dir / "artifacts").read_predictions(key).prob.tobytes()


def gapless(events: list[dict[str, object]]) -> bool:
    return [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_a_run_trains_on_while_the_web_server_is_dead_and_the_page_then_has_every_point(lab: Lab) -> None:
    pk = lab.launch(slow(weak={"models": ["bag-of-words"], "epochs": 200}))
    run = weak_started(lab, pk)
    trainer = lab.processes("training", "execute")
    lab.kill("w2s-web")
    lab.until(lambda: lab.processes("w2s-web"))

    def enough() -> list[dict[str, Any]]:
        recorded = lab.events(run)
        return recorded if sum(event["kind"] == "metric" for event in recorded) > 20 else []

    events = lab.until(enough, progress=lambda: len(lab.events(run)))  # however slow the machine is
    assert lab.processes("training", "execute") == trainer
    assert gapless(events)
    steps = [event["step"] for event in events if event["kind"] == "metric"]
    assert len({after - before for before, after in pairwise(steps)}) == 1  # no point is missing between


@pytest.mark.long
def test_the_run_of_a_killed_worker_is_said_to_be_lost_and_goes_on_elsewhere_to_the_same_result(lab: Lab, tmp_path: Path) -> None:
    spec = quick(weak={"models": ["bag-of-words"], "epochs": 150}, data={})
    pk = lab.launch(spec)
    run = weak_started(lab, pk)
    lab.kill("w2s-worker")
    lab.until(lambda: "lost" in [event["kind"] for event in lab.events(run)], 60)
    assert lab.finished(pk)["state"] == "finished"
    assert gapless(lab.events(run))
    kinds = [event["kind"] for event in lab.events(run)]
    assert (kinds.count("claimed"), kinds.count("finished")) == (2, 1)
    key = lab.run(pk, "weak")["key"]
    recipe = tmp_path / "recipe.json"
    recipe.write_text(ExperimentSpec.model_validate(spec).model_dump_json())
    assert predictions(lab, key) == command_line(recipe, tmp_path / "control", key)


def command_line(recipe: Path, out: Path, key: str) -> bytes:
    """The predictions of the same run when the command line trains it, without any web."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "training", "run", str(recipe), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return Store(out).read_predictions(key).prob.tobytes()


def test_the_web_and_the_command_line_give_identical_predictions_each_time(lab: Lab, tmp_path: Path) -> None:
    spec = quick(methods=[{"kind": "naive"}, {"kind": "confidence"}])
    pk = lab.launch(spec)
    assert lab.finished(pk)["state"] == "finished"
    recipe = tmp_path / "recipe.json"
    recipe.write_text(ExperimentSpec.model_validate(spec).model_dump_json())
    for out in ("once", "twice"):
        for key in make_plan(ExperimentSpec.model_validate(spec)).runs:
            assert predictions(lab, key) == command_line(recipe, tmp_path / out, key)


def test_stop_ends_the_trainer_within_five_seconds_and_keeps_its_points(lab: Lab) -> None:
    pk = lab.launch(slow())
    run = weak_started(lab, pk)
    begun = time.monotonic()
    status, _ = lab.call("POST", f"/experiments/{pk}/stop")
    lab.until(lambda: not lab.processes("training", "execute"), 5)
    assert time.monotonic() - begun < 5
    assert status == 200
    assert lab.finished(pk)["state"] == "stopped"
    events = lab.events(run)
    assert events[-1]["kind"] == "stopped"
    assert [event for event in events if event["kind"] == "metric"]
    assert gapless(events)


def test_a_trainer_that_is_killed_goes_on_and_the_third_time_fails_the_run_with_a_sentence(lab: Lab) -> None:
    pk = lab.launch(slow())
    run = weak_started(lab, pk)
    for losses in (1, 2, 3):
        lab.until(lambda: lab.processes("training", "execute"))
        lab.kill("training", "execute")
        lab.until(lambda losses=losses: [event["kind"] for event in lab.events(run)].count("lost") == losses)  # type: ignore[misc]
    error = lab.until(lambda: lab.run(pk, "weak")["error"])
    assert error == "3 attempts broke off, the last one because its trainer was killed by signal 9 (out of memory?)."
    events = lab.events(run)
    assert gapless(events)
    assert [event["attempt"] for event in events if event["kind"] == "claimed"] == [1, 2, 3]


def test_runs_queued_in_a_broker_that_dies_are_trained_when_it_is_back(lab: Lab) -> None:
    pk = lab.launch(slow())
    weak_started(lab, pk)
    other = lab.launch(quick(data={"limit": 300}))
    trainer = lab.processes("training", "execute")
    lab.kill("valkey-server")
    lab.until(lambda: lab.processes("valkey-server"))
    assert lab.processes("training", "execute") == trainer
    lab.call("POST", f"/experiments/{pk}/stop")
    assert lab.finished(other)["state"] == "finished"


def test_a_launch_without_a_broker_is_kept_says_so_and_starts_later(lab: Lab) -> None:
    broker = lab.processes("valkey-server")[0]
    os.kill(broker, 19)  # SIGSTOP: it is there and does not answer
    status, answer = lab.call("POST", "/experiments?launch=true", quick())
    assert status == 201
    assert any("queue cannot be reached" in warning for warning in answer["warnings"])
    os.kill(broker, 9)
    assert lab.finished(answer["id"])["state"] == "finished"


def test_an_artifact_folder_that_cannot_be_written_fails_the_run_with_the_reason(lab: Lab) -> None:
    artifacts, away = lab.data_dir / "artifacts", lab.data_dir / "away"
    if artifacts.exists():
        artifacts.rename(away)
    artifacts.write_text("a file where a folder should be")
    pk = lab.launch(quick())
    lab.until(lambda: lab.run(pk, "weak")["status"] == "failed")
    assert str(artifacts) in lab.run(pk, "weak")["error"]
    artifacts.unlink()
    if away.exists():
        away.rename(artifacts)
    assert lab.finished(lab.launch(quick()))["state"] == "finished"


def test_bad_specs_are_refused_with_the_path_of_each_wrong_field(lab: Lab) -> None:
    wrong = quick(
        weak={"models": ["bag-of-word"], "lr": -1}, seeds=1000, colour="red", methods=[{"kind": "confidence", "weight": 1.5}]
    )
    status, answer = lab.call("POST", "/experiments?launch=true", wrong)
    assert status == 422
    messages = {error["path"]: error["message"] for error in answer["errors"]}
    assert set(messages) == {"weak.models", "weak.lr", "seeds", "colour", "methods.0.weight"}
    assert "Did you mean bag-of-words?" in messages["weak.models"]
