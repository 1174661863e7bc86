"""Logs of services are rotated while the services go on writing."""

from pathlib import Path
from typing import Any

import pytest

from webapp import service_logs


def test_the_log_of_a_service_is_copied_away_and_emptied_while_its_service_goes_on_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(service_logs, "LARGEST", 10)
    settings.LOG_DIR = tmp_path
    with (tmp_path / "web.log").open("ab", buffering=0) as service:
        for number in range(9):
            service.write(f"{number} begins....".encode())
            service_logs.rotate_all()
            service.write(f"{number} ends".encode())
            service_logs.rotate_all()  # not too large again
    files = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert files == {
        "web.log": "8 ends",
        "web.log.1": "7 ends8 begins....",
        "web.log.2": "6 ends7 begins....",
        "web.log.3": "5 ends6 begins....",
    }


def test_a_disk_that_is_full_for_the_copy_does_not_let_a_log_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(service_logs, "LARGEST", 10)
    monkeypatch.setattr("webapp.service_logs.shutil.copyfile", full)
    settings.LOG_DIR = tmp_path
    (tmp_path / "web.log").write_text("more than ten")
    service_logs.rotate_all()
    assert (tmp_path / "web.log").read_text() == ""
