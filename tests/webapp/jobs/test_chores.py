"""Work on data sets: a child of its own, which is followed, stopped and outlived."""

import os
import signal
import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.factories.imports import HOW, brought, content, queued, work
from training import catalog
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from webapp.imports import services
from webapp.imports.models import Import, State
from webapp.jobs import chores


def test_a_file_is_checked_and_waits_with_its_report(owner: User, tmp_path: Path) -> None:
    one = work(queued(owner, tmp_path))
    assert (one.state, one.error) == (State.CHECKED, "")
    assert one.found is not None
    assert one.found.report.counts.read == 150
    assert (one.folder / "out" / "examples.parquet").exists()


def test_a_file_whose_name_is_known_is_shelved_by_itself(owner: User, tmp_path: Path) -> None:
    one = brought(owner, tmp_path)
    about = About(name="notes", title="-- Notes; $(rm)")
    services.check(one, Mapping.model_validate(HOW), about)
    work(one)
    assert (one.state, one.shelved) == (State.SAVED, "notes")
    assert catalog.dataset("notes").title == "-- Notes; $(rm)"
    assert not one.folder.exists()


def test_a_row_that_does_not_fit_is_the_error_of_the_import(owner: User, tmp_path: Path) -> None:
    one = work(queued(owner, tmp_path, content(last="a b c,maybe")))
    assert one.state == State.FAILED
    assert "Row 151, column “verdict”: “maybe” is none of the labels that are listed (no, yes)." in one.error


def test_a_file_that_cannot_be_looked_at_leaves_nothing(owner: User, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"compressed \(gzip\)"):
        brought(owner, tmp_path, b"\x1f\x8bpacked")
    with pytest.raises(ValueError, match=r"ends in “\.docx” cannot be read"):
        brought(owner, tmp_path, b"words", "notes.docx")
    assert not Import.objects.exists()


def test_a_registered_data_set_that_cannot_be_reached_says_so(owner: User) -> None:
    one = services.fetch(owner, "boolq")
    work(one)
    assert one.state == State.FAILED
    assert "“google/boolq” is not on this machine" in one.error


def test_a_child_that_dies_is_noticed(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = chores.Child.__init__

    def start(self: chores.Child, one: Import) -> None:
        killed(self, one)
        os.killpg(self.process.pid, signal.SIGKILL)

    monkeypatch.setattr(chores.Child, "__init__", start)
    one = work(queued(owner, tmp_path))
    assert one.state == State.FAILED
    assert one.error == "The work ended with status -9 without saying why."


@pytest.mark.django_db(transaction=True)
def test_work_that_is_stopped_ends_and_leaves_no_process(owner: User, tmp_path: Path) -> None:
    queued(owner, tmp_path, content(60_000))
    one = services.claim_next()
    assert one is not None
    started: list[chores.Child] = []
    begun = threading.Event()

    class Seen(chores.Child):
        def __init__(self, one: Import) -> None:
            super().__init__(one)
            started.append(self)
            begun.set()

    def follow() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chores, "Child", Seen)
            chores.watch(one)
        connection.close()

    thread = threading.Thread(target=follow)
    thread.start()
    assert begun.wait(20)
    services.stop(one)
    thread.join(60)
    assert not thread.is_alive()
    one.refresh_from_db()
    assert one.state == State.STOPPED
    assert started[0].process.returncode is not None


def test_a_worker_that_shuts_down_gives_its_work_back(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(owner, tmp_path, content(60_000))
    one = services.claim_next()
    assert one is not None
    down = threading.Event()
    down.set()
    monkeypatch.setattr(chores, "shutting_down", down)
    chores.watch(one)
    one.refresh_from_db()
    assert one.state == State.QUEUED


def test_a_message_too_many_finds_nothing_to_do(db: None) -> None:
    chores.work()
    assert not Import.objects.exists()


def test_examples_that_cannot_be_made_ready_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    chores.prepare(10**9)
    assert "the examples of experiment 1000000000" in caplog.text
