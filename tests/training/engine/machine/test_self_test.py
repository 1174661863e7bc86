"""The self-test gives its expected numbers here, fails for others, and ends in time."""

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest

from training import Store
from training.engine.errors import EngineError, Stopped
from training.engine.machine import processes, self_test


def ignore(progress: str) -> None:
    """Take the place of the report."""


def test_the_full_tuning_gives_the_expected_numbers_and_others_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    store, expected = Store(tmp_path), self_test.EXPECTED["fp32"]
    monkeypatch.setitem(self_test.EXPECTED, "fp32", replace(expected, accuracy=expected.accuracy + 0.02))
    other = self_test.check("fp32", store, math.inf, lambda: False, shown.append)
    assert other.state == "failed"
    assert "do not trust numbers of this machine" in other.sentence
    assert abs(float(str(other.facts["accuracy"])) - expected.accuracy) <= expected.accuracy_tolerance
    assert abs(float(str(other.facts["loss"])) - expected.loss) <= expected.loss_tolerance
    assert float(str(other.facts["tokens_per_second"])) > 0
    assert shown[-1] == "step 18 of 18"


def test_a_training_that_is_not_finished_in_time_is_a_warning(tmp_path: Path) -> None:
    check = self_test.check("fp32", Store(tmp_path), time.monotonic(), lambda: False, ignore)
    assert (check.name, check.state) == ("training, fp32", "warning")


def test_a_stop_request_ends_a_training(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        self_test.check("fp32", Store(tmp_path), math.inf, lambda: True, ignore)


def test_a_worker_that_is_set_up_wrongly_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_SHARDED", "1")
    with pytest.raises(EngineError, match="W2S_SHARDED needs W2S_PROCESSES of two or more"):
        processes.processes(lambda: False)


def test_processes_that_do_not_answer_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SECONDS", -1.0)
    with pytest.raises(EngineError, match="Two processes did not sum within"):
        processes.processes(lambda: False)
