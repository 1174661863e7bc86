"""One command starts everything, and its end leaves nothing."""

import contextlib
import json
import resource
import signal
import socket
import urllib.parse
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ..lab import Lab, quick, slow

LOG_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.first(), backend="django.contrib.auth.backends.ModelBackend")
print(client.cookies["sessionid"].value)
"""
LOG_OUT = "from django.contrib.sessions.backends.db import SessionStore; SessionStore('{}').flush()"


def is_open(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((parts.hostname, parts.port)) == 0


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_it_ends_no_process_and_no_port_is_left(tmp_path: Path, sig: signal.Signals) -> None:
    with Lab(tmp_path) as lab:
        pk = lab.launch(slow())
        lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
        assert lab.processes("training", "execute")
        lab.stop(sig)
        lab.until(lambda: not lab.processes(), 15)
        # A dying process lets go of its memory first, and of its sockets a moment later.
        lab.until(lambda: not is_open(lab.url), 5)


def test_a_run_interrupted_by_ctrl_c_goes_on_from_its_checkpoint_at_the_next_start(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        pk = lab.launch(slow())
        lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
        lab.stop()
        lab.start()
        run = lab.run(pk, "weak")
        lab.until(lambda: [event for event in lab.events(run["run"]) if event["kind"] == "started"][1:])
        kinds = [event["kind"] for event in lab.events(run["run"])]
        assert "released" in kinds
        assert [event for event in lab.events(run["run"]) if event["kind"] == "started"][1]["resumed_from"] > 0


def test_two_laboratories_do_not_share_a_folder_and_the_second_says_so(tmp_path: Path) -> None:
    with Lab(tmp_path), pytest.raises(AssertionError, match="already runs on"):
        Lab(tmp_path).start()


def test_two_laboratories_side_by_side_never_meet(tmp_path: Path) -> None:
    with Lab(tmp_path / "one") as one, Lab(tmp_path / "two") as two:
        assert one.url != two.url
        pk = one.launch(quick())
        assert one.finished(pk)["state"] == "finished"
        assert two.call("GET", f"/experiments/{pk}")[0] == 404


def test_a_taken_port_is_found_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        lab = Lab(tmp_path, "--port", str(taken.getsockname()[1]))
        with pytest.raises(AssertionError, match="Cannot listen"):
            lab.start()
        assert not lab.processes()


def test_a_data_folder_with_a_very_long_path_works_too_and_examples_are_made_ready_there(tmp_path: Path) -> None:
    with Lab(tmp_path / ("long-" * 30)) as lab:
        assert lab.finished(lab.launch(quick()))["state"] == "finished"
        lab.until(lambda: list((lab.data_dir / "examples" / "tables").glob("[0-9a-f]*.duckdb")))


def test_a_page_answers_while_1200_requests_are_left_unfinished_and_nothing_is_kept_of_a_strangers_upload(lab: Lab) -> None:
    parts = urllib.parse.urlsplit(lab.url)
    assert parts.hostname
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, min(hard, 4096)), hard))
    try:
        with contextlib.ExitStack() as clients:
            for _ in range(1200):
                client = clients.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=20))
                client.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            assert lab.call("GET", "/experiments")[0] == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as stranger:
        head = "POST /api/v1/datasets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000000\r\n\r\n"
        stranger.sendall(head.encode() + b"x" * 1_000_000)
        assert stranger.recv(1000).startswith(b"HTTP/1.1 401")
    assert not [one for one in (lab.data_dir / "uploads").iterdir() if one.is_file()]


def test_a_socket_closes_when_its_account_logs_out_and_an_unknown_one_logs_no_error(lab: Lab) -> None:
    pk, url = lab.launch(slow()), lab.url.replace("http", "ws")
    key = lab.manage("shell", "-c", LOG_IN).split()[-1]
    headers = {"Cookie": f"sessionid={key}", "Origin": lab.url}
    with pytest.raises(InvalidStatus, match="404"):
        connect(f"{url}/ws/nothing/", additional_headers=headers)
    with connect(f"{url}/ws/experiments/{pk}/", additional_headers=headers) as page:
        page.send("{}")
        assert "runs" in json.loads(page.recv(timeout=20))
        lab.manage("shell", "-c", LOG_OUT.format(key))
        with pytest.raises(ConnectionClosed) as closed:
            list(page)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
    assert "Traceback" not in (lab.data_dir / "logs" / "web.log").read_text()
