"""The trainer and the server that forks it, without queue or database."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import quick, slow
from training import Event, ExperimentSpec, RunSpec, make_plan
from webapp.child_processes import STOP_GRACE_SECONDS
from webapp.jobs import trainer as module
from webapp.jobs.trainer import ForkServer, Trainer

Start = Callable[..., Trainer]


def runs(spec: dict[str, object]) -> list[RunSpec]:
    return list(make_plan(ExperimentSpec.model_validate(spec)).runs.values())


@pytest.fixture(scope="module")
def servers() -> Iterator[list[ForkServer]]:
    """The server of this module, which takes seconds to start; one that a test has killed is replaced by the next test."""
    servers: list[ForkServer] = []
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def no_server(servers: list[ForkServer]) -> None:
    """End the server, so that the test starts one."""
    while servers:
        servers.pop().close()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: list[ForkServer]) -> Iterator[Start]:
    monkeypatch.setattr(module, "_servers", servers)
    started = []

    def start(*together: RunSpec) -> Trainer:
        started.append(Trainer(together, tmp_path / "store", tmp_path / "log"))
        return started[-1]

    yield start
    for trainer in started:
        trainer.kill()
        trainer.end()


def events(trainer: Trainer, until: str = "") -> list[Event]:
    """The events up to one of the kind ``until``, or up to the end."""
    received: list[Event] = []
    while (message := trainer.next_message(60)) is not None:
        received.append(message.event)
        if message.event.kind == until:
            break
    return received


def test_a_server_trains_run_after_run_and_its_trainers_end(start: Start) -> None:
    servers, trainers = set(), []
    for run in runs(quick(seeds=2))[:2]:
        trainer = start(run)
        assert [events(trainer)[-1].kind, trainer.end()] == ["finished", 0]
        servers.add(trainer.server.process.pid)
        trainers.append(trainer.pid)
        assert not Path(f"/proc/{trainer.pid}").exists()
    assert len(servers) == 1
    assert len(set(trainers)) == 2


def test_a_server_has_no_thread_that_a_fork_would_miss(start: Start) -> None:
    trainer = start(runs(quick())[0])
    events(trainer)
    threads = Path(f"/proc/{trainer.server.process.pid}/task").glob("*/comm")
    assert sorted({path.read_text().strip() for path in threads} - {"jemalloc_bg_thd"}) == ["python"]


def test_a_stop_is_obeyed_with_a_checkpoint_and_the_exit_code_of_a_run_that_goes_on_later(start: Start) -> None:
    trainer = start(runs(slow())[0])
    events(trainer, until="metric")
    trainer.stop()
    assert events(trainer)[-1].kind == "stopped"
    assert trainer.end() == 75


def test_a_stop_while_the_server_still_starts_ends_both(no_server: None, start: Start) -> None:
    trainer = start(runs(slow())[0])
    trainer.stop()
    assert events(trainer) == []
    assert trainer.end() == -signal.SIGTERM


def test_a_stop_of_one_run_while_the_server_still_starts_is_for_that_run_only(no_server: None, start: Start) -> None:
    first, second = runs(quick(seeds=2))[:2]
    trainer = start(first, second)
    trainer.stop_run(first.key())
    ends = {}
    while (message := trainer.next_message(60)) is not None:
        ends[message.run] = message.event.kind
    assert ends == {first.key(): "stopped", second.key(): "finished"}


def test_a_killed_trainer_leaves_its_signal_and_a_server_for_the_next(start: Start) -> None:
    killed = start(runs(slow())[0])
    events(killed, until="metric")
    assert killed.pid
    os.kill(killed.pid, signal.SIGKILL)
    events(killed)
    assert killed.end() == -signal.SIGKILL
    after = start(runs(quick())[0])
    assert events(after)[-1].kind == "finished"
    assert after.server is killed.server


def test_a_killed_server_ends_its_trainer_with_a_checkpoint_and_the_next_run_has_a_new_server(start: Start) -> None:
    orphan = start(runs(slow())[0])
    events(orphan, until="metric")
    orphan.server.process.kill()
    assert events(orphan)[-1].kind == "stopped"
    assert orphan.end() == -signal.SIGKILL
    after = start(runs(quick())[0])
    assert events(after)[-1].kind == "finished"
    assert after.server is not orphan.server


def test_a_trainer_that_is_given_up_is_gone_before_the_next_starts(start: Start) -> None:
    given_up = start(runs(slow())[0])
    events(given_up, until="metric")
    begun = time.monotonic()
    given_up.kill()
    assert given_up.status == -signal.SIGKILL
    assert time.monotonic() - begun < STOP_GRACE_SECONDS
    assert events(start(runs(quick())[0]))[-1].kind == "finished"
