"""python -m training doctor, as an administrator calls it, and its page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from training.cli import doctor
from training.cli.exits import FAILED
from training.cli.main import main
from training.command_output import MachineCheck
from training.engine.machine import self_test


def test_every_check_is_reported_and_the_token_is_not(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_TOKEN": "hf_secret", "W2S_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "training", "doctor", "--json", "--no-training"],
        env=os.environ | settings | {"GOMP_SPINCOUNT": "100000"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    results = {check["name"]: check for check in map(json.loads, done.stdout.splitlines())}
    assert {name: check["state"] for name, check in results.items() if check["state"] != "ok"} == {"waiting": "warning"}
    assert done.returncode == 0, "a warning is no failure"
    assert "A sum over two processes is right" in results["processes"]["sentence"]
    assert "hf_secret" not in done.stdout + done.stderr
    report = next(block.text for block in blocks(DOCS / "howto/doctor.md") if block.language == "text")
    names = [line.split(maxsplit=1)[1].partition(":")[0] for line in report.splitlines()]
    assert names == [*results, *(f"training, {name}" for name in self_test.runs())], "the page has a line for each check"


def test_an_error_of_a_check_is_its_failure_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_THREADS", "all")
    results: list[MachineCheck] = []
    for check in doctor.checks(lambda: bool(results) and results[-1].name == "waiting", training=False):
        results.append(check)
    assert [check.name for check in results[-2:]] == ["threads", "waiting"]
    assert results[-2].state == "failed"
    assert results[-2].sentence == "W2S_THREADS must be a whole number from 1, and it is “all”."


def test_a_failed_check_is_an_exit_code_and_a_line_that_people_read(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    results = [MachineCheck(name="a", state="ok", sentence="Right."), MachineCheck(name="b", state="failed", sentence="Mend it.")]
    monkeypatch.setattr(doctor, "checks", lambda should_stop, training: iter(results))
    assert main(["doctor"]) == FAILED
    assert capfd.readouterr().out == "ok       a: Right.\nfailed   b: Mend it.\n"


def test_a_stop_request_ends_it_after_the_check_under_way() -> None:
    assert [check.name for check in doctor.checks(lambda: True, training=True)] == ["versions"]
