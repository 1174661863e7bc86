"""The surroundings of a training: threads, disk and Hub, each with a sentence that says what to do."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from training import threads
from training.engine.machine import surroundings

TOKEN = "hf_secret"


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server that answers every request with 404."""
    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_data_folder_that_cannot_be_written_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "data"))
    check = surroundings.storage()
    assert check.state == "failed"
    assert check.sentence.endswith("data cannot be written (Not a directory): set DATA_DIR, or mend its owner and mode.")


def test_little_disk_space_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert surroundings.storage().facts["folder"] == str(tmp_path)
    monkeypatch.setattr(surroundings, "LEAST_FREE_GIB", 10**9)
    assert surroundings.storage().state == "warning"


def test_any_answer_of_the_hub_is_an_answer_and_the_token_is_never_printed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    check = surroundings.hub_access()
    assert (check.state, check.sentence) == ("ok", f"{address} answers. HF_TOKEN is set.")
    assert TOKEN not in check.model_dump_json()


def test_a_hub_that_cannot_be_reached_is_a_warning_and_none_is_asked_offline(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address.replace("http", "nohttp"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    check = surroundings.hub_access()
    assert check.state == "warning"
    assert "set HF_HUB_OFFLINE=1" in check.sentence
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert surroundings.hub_access().state == "ok"


def test_threads_that_were_set_to_spin_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in threads.PASSIVE.items():
        monkeypatch.setenv(name, value)
    assert surroundings.waiting().state == "ok"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    check = surroundings.waiting()
    assert check.state == "warning"
    assert "(OMP_WAIT_POLICY=active): unset it" in check.sentence


def test_the_number_of_threads_is_said_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_THREADS", "3")
    assert surroundings.thread_number().sentence == "3 threads for a transformer on the CPU, by W2S_THREADS."


def test_a_package_that_is_not_installed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.versions().state == "ok"
    monkeypatch.setattr(surroundings, "PACKAGES", ("torch", "no-such-package"))
    check = surroundings.versions()
    assert check.state == "failed"
    assert check.sentence.endswith("Not installed: no-such-package; “make setup” installs what is missing.")
