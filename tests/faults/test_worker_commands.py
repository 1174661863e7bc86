"""The command lines of docs/howto that start workers and tidy up, executed beside a laboratory without workers."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.lab import ROOT, Lab, quick

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def lines(page: str, word: str) -> list[str]:
    text = "\n".join(block.text for block in blocks(DOCS / page) if block.language == "sh")
    return [line for line in text.splitlines() if word in line]


@pytest.mark.long
def test_a_worker_that_is_started_as_the_page_says_trains_what_is_queued(tmp_path: Path) -> None:
    command = lines("howto/several-workers.md", "manage.py worker")[0]
    assert re.search(r'make up ARGS="--workers 0"', (DOCS / "howto/several-workers.md").read_text())
    with Lab(tmp_path / "lab", "--workers", "0") as lab:
        experiment = lab.launch(quick())
        environment = lab.environment | {"PATH": PATH}
        script = ["bash", "-c", f"exec env {command}"]
        worker = subprocess.Popen(script, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            lab.finished(experiment)
            workers = lab.call("GET", "/workers")[1]["workers"]
            assert [worker["name"].partition("@")[0] for worker in workers] == ["gpu0"]
            listed = subprocess.run(
                ["bash", "-euc", "\n".join(lines("howto/inspect.md", "manage.py"))],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            assert listed.stdout
            assert lab.experiment(experiment)["state"] == "finished", "collecting deletes nothing that is referred to"
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
