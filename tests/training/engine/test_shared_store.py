"""Runs of machines that share nothing but a store: object storage behind a real server of the S3 protocol."""

from pathlib import Path

import pytest

from tests.factories.object_storage import ObjectStorage
from tests.factories.runs import Recording, finish, make_run, plan_with
from training import Event, RunSpec, Store, execute
from training.cli.execute import train
from training.cli.exits import FAILED
from training.engine.models import features
from training.events import RunFailed
from training.storage.artifacts import same
from training.storage.remote import FolderRemote, Remote, open_remote


@pytest.fixture
def remote(storage_server: ObjectStorage) -> Remote:
    return open_remote(f"{storage_server.bucket()}/laboratory")


def machine(folder: Path, name: str, remote: Remote) -> Store:
    return Store(folder / name, remote)


def test_a_student_learns_on_another_machine_than_its_supervisor_and_predicts_as_on_one(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make_run(role) for role in ("weak", "student", "ceiling")]
    control = Store(tmp_path / "control")
    for run in runs:
        finish(run, control)
    weak, student, ceiling = runs

    finish(weak, machine(tmp_path, "first", remote))
    finish(student, machine(tmp_path, "second", remote))
    monkeypatch.setattr(features, "_compute", None)  # its features are those of the student, from the store
    finish(ceiling, machine(tmp_path, "third", remote))

    viewer = machine(tmp_path, "viewer", remote)
    for run in runs:
        assert same(viewer, run.key(), control, run.key())
        assert viewer.read_run(run.key()) == run
        assert viewer.damage(run.key(), again=True) is None
    assert finish(student, machine(tmp_path, "fourth", remote)).of("started") == [], "a finished run is only reported again"


@pytest.mark.parametrize("changes", [{}, {"tuning": "full", "stop": "validation"}], ids=["head", "whole model"])
def test_a_run_goes_on_from_the_checkpoint_of_a_machine_that_is_gone(
    changes: dict[str, str], remote: Remote, tmp_path: Path
) -> None:
    if changes:
        plan = plan_with("bag-of-words", "minilm-l1", **changes)
        run = plan.runs[plan.triplets[0].ceiling]
    else:
        run = make_run()
    control, first = Store(tmp_path / "control"), machine(tmp_path, "first", remote)
    finish(run, control)
    recording = Recording(stop_after=lambda event: event.kind == "evaluation" and event.step > 0)
    execute(run, first, recording.emit, lambda: recording.stop)
    assert recording.of("stopped")

    second = machine(tmp_path, "second", remote)
    again = finish(run, second)

    [started] = again.of("started")
    assert started.resumed_from == recording.of("stopped")[0].step > 0
    assert same(second, run.key(), control, run.key())
    left = {name.rpartition("/")[2] for name in remote.names(f"runs/{run.key()}/")}
    assert not [name for name in left if name.startswith(("checkpoint", "best-"))]


def test_a_store_that_cannot_be_reached_is_no_fault_of_the_run(tmp_path: Path) -> None:
    ends = list[Event]()
    run: RunSpec = make_run()

    code = train(
        [run],
        Store(tmp_path / "here", FolderRemote((tmp_path / "gone").as_uri())),
        lambda _, event: ends.append(event),
        lambda _: False,
    )

    assert code == FAILED
    [failed] = [event for event in ends if isinstance(event, RunFailed)]
    assert failed.passes
    assert failed.error == f"The store {(tmp_path / 'gone').as_uri()} cannot be reached: there is no such folder."
