"""Logs of runs are kept within bounds while trainers write to them, and their ends can be searched."""

from pathlib import Path
from typing import Any

import pytest

from webapp.jobs import logs


def test_a_log_that_is_too_large_keeps_its_beginning_and_its_end_and_says_what_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("LARGEST", 100), ("HEAD", 20), ("TAIL", 30)):
        monkeypatch.setattr(logs, name, size)
    path = tmp_path / "some.log"
    with path.open("ab", buffering=0) as trainer:
        trainer.write(b"the beginning" + b"." * 87)
        logs.trim(path)
        assert path.stat().st_size == 100, "it may be as large as that"
        trainer.write(b"x" * 50 + b"the end")
        logs.trim(path)
        trainer.write(b", and more")
    said = path.read_text()
    assert said == "the beginning.......\n… 107 bytes were left out here …\n" + "x" * 23 + "the end, and more"


def test_the_log_of_a_service_is_copied_away_and_emptied_while_its_service_goes_on_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(logs, "LARGEST_SERVICE_LOG", 10)
    settings.LOG_DIR = tmp_path
    with (tmp_path / "web.log").open("ab", buffering=0) as service:
        for number in range(9):
            service.write(f"{number} begins....".encode())
            logs.rotate_all()
            service.write(f"{number} ends".encode())
            logs.rotate_all()  # not too large again
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {
        "web.log": "8 ends",
        "web.log.1": "7 ends8 begins....",
        "web.log.2": "6 ends7 begins....",
        "web.log.3": "5 ends6 begins....",
    }


def test_a_disk_without_room_for_the_copy_does_not_let_a_log_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logs, "LARGEST_SERVICE_LOG", 10)
    monkeypatch.setattr("webapp.jobs.logs.shutil.copyfile", full)
    settings.LOG_DIR = tmp_path
    (tmp_path / "web.log").write_text("more than ten")
    logs.rotate_all()
    assert (tmp_path / "web.log").read_text() == ""


def test_the_last_lines_with_a_word_are_found_in_any_case() -> None:
    path = logs.path_of("0" * 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"line {number}\nStep {number}\n" for number in range(300)))
    assert logs.lines("0" * 64)[-1] == "Step 299"
    assert len(logs.lines("0" * 64)) == logs.LINES
    assert logs.lines("0" * 64, "STEP 29", 3) == ["Step 297", "Step 298", "Step 299"]
    assert logs.lines("0" * 64, "nowhere") == []
    path.unlink()
    assert logs.lines("0" * 64) == []
