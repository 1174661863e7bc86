"""Work on imports: a child process is followed, stopped, and may die."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.factories.imports import HOW, brought, content, queued, work
from tests.factories.uploads import files_of
from training import catalog
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.command_output import NOTICE, Notice
from webapp import child_processes
from webapp.child_processes import Child
from webapp.imports import services
from webapp.imports.child import LARGEST_MEMORY
from webapp.imports.models import Import, State
from webapp.jobs import imports


def test_a_file_is_checked_and_waits_with_its_report(owner: User, tmp_path: Path) -> None:
    row = work(queued(owner, tmp_path))
    assert (row.state, row.error) == (State.CHECKED, "")
    assert row.check_result is not None
    assert row.check_result.report.counts.read == 150
    assert f"{row.out}/examples.parquet" in files_of(row.folder)


def test_a_file_whose_name_is_known_is_saved_by_itself(owner: User, tmp_path: Path) -> None:
    row = brought(owner, tmp_path)
    about = About(name="notes", title="-- Notes; $(rm)")
    services.check(row, Mapping.model_validate(HOW), about)
    work(row)
    assert (row.state, row.shelved) == (State.SAVED, "notes")
    assert catalog.dataset("notes").title == "-- Notes; $(rm)"
    assert not files_of(row.folder)


def test_a_row_that_does_not_fit_is_the_error_of_the_import(owner: User, tmp_path: Path) -> None:
    row = work(queued(owner, tmp_path, content(last="a b c,maybe")))
    assert row.state == State.FAILED
    assert "Row 151, column “verdict”: “maybe” is none of the labels that are listed (no, yes)." in row.error


def test_a_file_that_cannot_be_looked_at_leaves_nothing(owner: User, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"compressed \(gzip\)"):
        brought(owner, tmp_path, b"\x1f\x8bpacked")
    with pytest.raises(ValueError, match=r"ends in “\.docx” cannot be read"):
        brought(owner, tmp_path, b"words", "notes.docx")
    assert not Import.objects.exists()


def test_a_registered_data_set_that_cannot_be_reached_says_so(owner: User) -> None:
    row = services.fetch(owner, "boolq")[0]
    work(row)
    assert row.state == State.FAILED
    assert "“google/boolq” is not on this machine" in row.error


def test_a_child_that_dies_is_noticed(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = imports.start

    def killed(row: Import, folder: Path) -> Child[Notice]:
        child = start(row, folder)
        child.kill()
        return child

    monkeypatch.setattr(imports, "start", killed)
    row = work(queued(owner, tmp_path))
    assert (row.state, row.error) == (State.FAILED, "The work ended with status -9 without saying why.")


def planted(code: str, tmp_path: Path) -> Callable[[Import, Path], Child[Notice]]:
    """Return a start of a child that runs ``code`` in place of the parser, with the parser's limit of memory."""
    return lambda row, folder: Child(["-c", code], NOTICE, tmp_path / "log", memory=LARGEST_MEMORY)


def test_a_parser_that_never_ends_is_stopped_after_the_longest_time(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.IMPORT_SECONDS = 0.3
    endless = "import signal; signal.signal(15, signal.SIG_IGN)\nwhile True: pass"
    monkeypatch.setattr(child_processes, "STOP_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(imports, "start", planted(endless, tmp_path))
    row = work(queued(owner, tmp_path))
    assert (row.state, row.error) == (State.FAILED, imports.TOO_LONG)


def test_a_parser_that_takes_all_memory_ends_alone(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "start", planted(f"bytearray({LARGEST_MEMORY + 2**20})", tmp_path))
    row = work(queued(owner, tmp_path))
    assert (row.state, row.error) == (State.FAILED, "The work ended with status 1 without saying why.")
    assert "MemoryError" in (tmp_path / "log").read_text()


@pytest.mark.django_db(transaction=True)
def test_work_that_is_stopped_ends_and_leaves_no_process(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(owner, tmp_path, content(60_000))
    row = services.claim_next()
    assert row is not None
    start, started = imports.start, queue.Queue[Child[Notice]]()

    def seen(row: Import, folder: Path) -> Child[Notice]:
        started.put(child := start(row, folder))
        return child

    def follow() -> None:
        imports.work(row)
        connection.close()

    monkeypatch.setattr(imports, "start", seen)
    thread = threading.Thread(target=follow)
    thread.start()
    child = started.get(timeout=20)
    services.stop(row)
    thread.join(60)
    assert not thread.is_alive()
    row.refresh_from_db()
    assert row.state == State.STOPPED
    assert child.process.returncode is not None


def test_a_worker_that_shuts_down_gives_its_work_back(owner: User, tmp_path: Path, shutdown: None) -> None:
    queued(owner, tmp_path, content(60_000))
    row = services.claim_next()
    assert row is not None
    imports.work(row)
    row.refresh_from_db()
    assert row.state == State.QUEUED
