"""Children: each in its own process group, with messages as lines, and stopped as a group."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training.command_output import NOTICE, Notice
from training.events import Progress
from webapp import child_processes
from webapp.child_processes import Child

MESSAGE = '{"kind": "progress", "phase": "reading", "done": 1, "total": 2}'
Start = Callable[..., Child[Notice]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def start(code: str, **options: int) -> Child[Notice]:
        child: Child[Notice] = Child(["-c", code], NOTICE, tmp_path / "logs" / "log", **options)  # type: ignore[arg-type]
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.process.wait()


def test_messages_are_read_and_other_lines_are_left_out(start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    child = start(f"import sys; print('{MESSAGE}'); print('hello'); print('broken', file=sys.stderr); sys.exit(3)")
    assert child.all_messages(60) == [Progress(phase="reading", done=1, total=2)]
    assert child.process.returncode == 3
    assert "not a message: b'hello" in caplog.text
    assert (tmp_path / "logs" / "log").read_text() == "broken\n"


def test_a_child_that_takes_too_long_is_killed(start: Start) -> None:
    child = start("import time; time.sleep(600)")
    with pytest.raises(TimeoutError):
        child.all_messages(0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_a_stop_is_a_signal_first_and_kills_the_whole_group_after_the_grace_period(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_processes, "STOP_GRACE_SECONDS", 0.3)
    # One write a line: those of two processes may be mixed.
    family = (
        "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.fork(); "
        f"os.write(1, b'{MESSAGE}' + bytes([10])); time.sleep(600)"
    )
    child = start(family)
    for _ in range(2):
        assert child.next_message(60) is not None
    stopping = [child.stopping]
    child.stop()
    stopping.append(child.stopping)
    assert stopping == [False, True]
    time.sleep(0.1)
    child.stop()
    assert child.process.poll() is None, "the grace period has not passed"
    time.sleep(0.3)
    child.stop()
    assert child.next_message(60) is None, "both processes have ended"
    assert child.process.wait(60) == -signal.SIGKILL


def test_a_child_has_no_more_memory_than_its_limit(start: Start) -> None:
    child = start("bytearray(2**30)", memory=2**28)
    assert child.all_messages(60) == []
    assert child.process.returncode == 1
