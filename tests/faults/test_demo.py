"""The command that the README begins with."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab import ROOT, Lab


def demo(data_dir: Path) -> tuple[dict[str, Any], float]:
    """The JSON of the last line, and the seconds that it took."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--exit-when-done", "--json"]
    begun = time.monotonic()
    done = subprocess.run(command, env=Lab(data_dir).environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), time.monotonic() - begun


@pytest.mark.timeout(1900)
def test_the_demo_ends_with_a_resolved_pgr_for_both_methods_and_a_second_one_trains_nothing(tmp_path: Path) -> None:
    first, seconds = demo(tmp_path)
    again, seconds_again = demo(tmp_path)
    assert again == first
    assert seconds_again < seconds / 3
    assert len(first["triplets"]) == 10
    assert {(triplet["method"], triplet["seed"]) for triplet in first["triplets"]} == {
        (method, seed) for method in ("naive", "confidence") for seed in range(5)
    }
    for triplet in first["triplets"]:
        assert 0.6 < triplet["weak"] < triplet["student"] < triplet["ceiling"] < 0.9
    for pgr in first["pgr"]:
        assert pgr["state"] == "ok"
        assert 0 < pgr["interval"][0] < pgr["value"] < pgr["interval"][1] < 1
