"""Services that are forked from the process that supervises them."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from training.fork_server import FORKS
from webapp.service import Service

pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(not FORKS, reason="this system starts services as programs")]

PROGRAM = """
import os, pathlib, signal, sys, time
lines = [sys.argv[1:], os.environ["GIVEN"], os.getsid(0) == os.getpid(), signal.getsignal(signal.SIGTERM).name]
lines += [pathlib.Path("/proc/self/comm").read_text().strip(), os.getcwd(), sys.stdin.read()]
os.write(1, "\\n".join(map(str, lines)).encode())  # what print writes to belongs to pytest
if "stays" in sys.argv:
    time.sleep(600)
sys.exit(7)
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log of a service called "small", whose module is ``small_service``."""
    (tmp_path / "small_service.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "logs")
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield tmp_path / "logs" / "small.log"
    signal.signal(signal.SIGTERM, before)


def small(*words: str, **settings: object) -> Service:
    command = [sys.executable, "-m", "small_service", *words]
    return Service("small", command, environment={"GIVEN": "a variable"}, **settings)  # type: ignore[arg-type]


def test_a_module_runs_with_its_arguments_and_variables_in_a_session_of_its_own(log: Path) -> None:
    assert small("--one", "two").start().wait(30) == 7
    said = log.read_text().split("\n")
    assert said == ["['--one', 'two']", "a variable", "True", "SIG_DFL", "w2s-small", str(settings.BASE_DIR), ""]
    assert "GIVEN" not in os.environ


def test_a_service_that_is_asked_to_stop_ends_although_its_supervisor_handles_that_signal_itself(log: Path) -> None:
    service = small("stays")
    process = service.start()
    service.ask_to_stop()
    assert process.wait(30) == -signal.SIGTERM


def test_a_service_that_ended_is_started_again(log: Path) -> None:
    service = small()
    first = service.start()
    first.wait(30)
    service.mend()
    assert service.process is not None
    assert service.process is not first
    assert service.process.wait(30) == 7


def test_what_belongs_to_the_supervisor_is_closed_in_the_service(log: Path) -> None:
    """A port is free once its supervisor lets go of it, whichever services still run."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        service = small("stays", inherited=(listener,))
        service.start()
    with socket.socket() as again:
        while "a variable" not in log.read_text():
            assert service.process is not None
            assert service.process.poll() is None
        again.bind(("127.0.0.1", port))
    service.ask_to_stop()
    assert service.process is not None
    service.process.wait(30)
