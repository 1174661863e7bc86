"""Whenever somebody stops a run, its processes are gone within ten seconds, and points and checkpoint are kept.

STOPS=20 stops more often than CI has time for.
"""

import os
import random
import time
from pathlib import Path
from typing import Any

from tests.lab import Lab, quick, slow

STOPS = int(os.environ.get("STOPS", "4"))
SECONDS = 10.0


def stop_some_time(lab: Lab, spec: dict[str, Any], role: str, wait: float) -> float:
    """Launches, waits, stops; returns how long the processes then took to be gone."""
    pk = lab.launch(spec)
    time.sleep(wait)  # the moment is what is tried
    assert lab.call("POST", f"/experiments/{pk}/stop")[0] == 200
    begun = time.monotonic()
    lab.until(lambda: not lab.processes("execute"), SECONDS)
    took = time.monotonic() - begun
    assert lab.finished(pk)["state"] == "stopped"
    run = lab.run(pk, role)
    events = lab.events(run["run"])
    kinds = [event["kind"] for event in events]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert kinds[-1] == "stopped"
    assert kinds.count("stopped") == 1
    if "metric" in kinds:
        saved = [event["step"] for event in events if event["kind"] == "checkpoint"]
        last_step = max(event["step"] for event in events if event["kind"] == "metric")
        assert saved, "it trained, and has left no checkpoint"
        assert last_step <= saved[-1] == events[-1]["step"], "a point lies beyond the checkpoint"
        assert (lab.data_dir / "artifacts" / "runs" / run["key"] / "checkpoint.bin").exists()
    return took


def test_a_stop_at_any_moment_leaves_no_process_and_keeps_what_was_told(lab: Lab) -> None:
    chance = random.Random(2026)
    for _ in range(STOPS):
        assert stop_some_time(lab, slow(), "weak", chance.uniform(0, 5)) < SECONDS


def test_a_stop_that_evaluates_gives_a_result_that_says_that_it_is_partial(lab: Lab) -> None:
    pk = lab.launch(slow(weak={"models": ["bag-of-words"], "epochs": 2}, strong={"models": ["bag-of-words"], "epochs": 1000}))
    lab.until(lambda: lab.run(pk, "ceiling")["step"] > 0)
    lab.call("POST", f"/experiments/{pk}/stop?evaluate=true")
    experiment = lab.finished(pk)
    assert experiment["state"] == "stopped"
    ceiling = lab.run(pk, "ceiling")
    assert (ceiling["status"], ceiling["accuracy"] > 0.5) == ("finished", True)
    events = lab.events(ceiling["run"])
    assert next(event for event in events if event["kind"] == "started")["resumed_from"] > 0
    assert "no seed has all three runs" in lab.read(f"/experiments/{pk}/")


def test_a_stop_of_a_run_of_two_processes_leaves_none_of_them(tmp_path: Path) -> None:
    few = {"limit": 64, "test_fraction": 0.05, "locked_fraction": 0}
    chance = random.Random(2027)
    with Lab(tmp_path, W2S_PROCESSES="2") as lab:
        for number in range(max(1, STOPS // 4)):
            strong = {"models": ["minilm-l1"], "tuning": "full", "epochs": 1000}
            spec = quick(weak={"models": ["bag-of-words"], "epochs": 1}, strong=strong, data={**few, "split_seed": number})
            assert stop_some_time(lab, spec, "ceiling", chance.uniform(8, 20)) < SECONDS
