"""One command starts everything, and its end leaves nothing."""

import contextlib
import json
import resource
import signal
import socket
import sqlite3
import stat
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.lab import Lab, free_port, quick, slow

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


@pytest.mark.parametrize("sig", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long), signal.SIGKILL])
def test_however_it_ends_no_process_and_no_port_is_left(tmp_path: Path, sig: signal.Signals) -> None:
    with on_its_own_port(tmp_path) as lab:
        pk = lab.launch(slow())
        lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
        ends(lab, sig)


def on_its_own_port(folder: Path) -> Lab:
    """A laboratory on a port that no other takes when it is free again, as they take the first free one from 8000."""
    return Lab(folder, "--port", str(free_port()))


def ends(lab: Lab, sig: signal.Signals) -> None:
    """End the laboratory by the signal; nothing of it is left."""
    assert lab.processes("training", "execute")
    lab.stop(sig)
    lab.until(lambda: not lab.processes(), 30)
    # A dying process lets go of its memory first, and of its sockets a moment later.
    lab.until(lambda: not is_open(lab.url), 30)


def test_ctrl_c_leaves_no_process_and_a_run_goes_on_from_its_checkpoint_at_the_next_start(tmp_path: Path) -> None:
    with on_its_own_port(tmp_path) as lab:
        pk = lab.launch(slow())
        lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
        ends(lab, signal.SIGINT)
        lab.start()
        run = lab.run(pk, "weak")
        lab.until(lambda: [event for event in lab.events(run["run"]) if event["kind"] == "started"][1:])
        kinds = [event["kind"] for event in lab.events(run["run"])]
        assert "released" in kinds
        assert [event for event in lab.events(run["run"]) if event["kind"] == "started"][1]["resumed_from"] > 0


def test_two_laboratories_do_not_share_a_folder_and_the_second_says_so(lab: Lab) -> None:
    with pytest.raises(AssertionError, match="already runs on"):
        Lab(lab.data_dir).start()


def test_two_laboratories_side_by_side_never_meet(lab: Lab, tmp_path: Path) -> None:
    with Lab(tmp_path) as other:
        assert lab.url != other.url
        pk = lab.launch(quick())
        assert lab.finished(pk)["state"] == "finished"
        assert other.call("GET", f"/experiments/{pk}")[0] == 404
        assert other.call("GET", "/experiments")[1]["total"] == 0


def test_a_taken_port_is_found_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        lab = Lab(tmp_path, "--port", str(taken.getsockname()[1]))
        with pytest.raises(AssertionError, match="Cannot listen"):
            lab.start()
        assert not lab.processes()


@pytest.mark.parametrize("host", ["::1", "0.0.0.0"])
def test_it_is_reached_at_the_address_it_listens_on_and_by_the_link_it_prints(tmp_path: Path, host: str) -> None:
    with Lab(tmp_path, "--host", host, "--workers", "0", ALLOWED_HOSTS="lab.example.org", HTTP_PROXY="http://127.0.0.1:9") as lab:
        assert lab.url.startswith("http://[::1]:" if host == "::1" else "http://127.0.0.1:")
        assert "Experiments" in lab.read("/")
        assert lab.call("GET", "/experiments")[0] == 200


@pytest.mark.long
def test_a_folder_whose_name_means_something_in_urls_and_sql_works_like_any_other(tmp_path: Path) -> None:
    with Lab(tmp_path / "it's a=b c++ #1?;x&y %41 é [2]*") as lab:
        pk = lab.launch(quick())
        assert lab.finished(pk)["state"] == "finished"
        answer = lab.until(lambda: seen[1] if (seen := lab.call("GET", f"/experiments/{pk}/examples"))[0] == 200 else None)
        assert answer["examples"]
        assert not [path.name for path in tmp_path.iterdir() if not path.name.startswith("it's")]


@pytest.mark.long
def test_an_existing_installation_with_a_very_long_path_is_closed_to_other_accounts_and_examples_are_prepared(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ("long-" * 30)
    folder.mkdir(mode=0o755)
    for name in ("lab.sqlite3", "secret-key"):
        (folder / name).touch(mode=0o644)
    with Lab(folder) as lab:
        assert lab.finished(lab.launch(quick()))["state"] == "finished"
        lab.until(lambda: list((folder / "examples" / "tables").glob("[0-9a-f]*.duckdb")))
        modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert [path for path, mode in modes.items() if mode & 0o077] == []
    assert len(modes) > 20


def test_no_log_holds_what_lets_somebody_in_whatever_fails(tmp_path: Path) -> None:
    """The record is taken away, so that every page of a link ends in an error that is logged."""
    token = "cR7-Qm0_Xw5bT1sZkE9yVdHuJ2oLnPgA8fIi6e3tBqM"
    with Lab(tmp_path, "--workers", "0") as lab:
        links = [urllib.parse.urlsplit(lab.login_link).path]
        links += [f"/join/{token}/", f"/s/{token}/", f"/s/{token}/card.png", f"/e/{token}/gap/", f"/password/reset/MQ/{token}/"]
        links += [f"/sso/return/?state={token}&code={token}", f"/login/?next=/s/{token}/"]
        with closing(sqlite3.connect(tmp_path / "lab.sqlite3")) as record:
            tables = record.execute("select name from sqlite_master where type = 'table'").fetchall()
            record.execute("pragma foreign_keys = off")
            for (table,) in tables:
                if not table.startswith("sqlite_"):
                    record.execute(f'drop table "{table}"')
        for link in links:
            ask(f"{lab.url}{link}")
        ask(f"{lab.url}/api/v1/experiments", Authorization=f"Bearer {token}")
        ask(f"{lab.url}/experiments/", Cookie=f"sessionid={token}; csrftoken={token}")
        handshake = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "x" * 22 + "==",
        }
        ask(f"{lab.url}/s/{token}/live/?token={token}", **handshake)
        web = (tmp_path / "logs" / "web.log").read_text()
        assert web.count("no such table") > 5, "these pages are logged"
        assert "/join/***" in web
        secret = links[0].rstrip("/").rpartition("/")[2]
        logs = "".join(path.read_text() for path in tmp_path.rglob("*.log*"))
        assert secret not in logs
        assert token not in logs


def ask(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def stored(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_a_page_answers_while_1200_requests_are_left_unfinished_and_nothing_is_kept_of_a_strangers_upload(lab: Lab) -> None:
    parts = urllib.parse.urlsplit(lab.url)
    assert parts.hostname
    before = stored(lab.data_dir / "uploads")
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
    assert stored(lab.data_dir / "uploads") == before


def test_a_socket_closes_when_its_account_logs_out_and_an_unknown_one_logs_no_error(lab: Lab) -> None:
    pk, url = lab.launch(slow()), lab.url.replace("http", "ws")
    log = lab.data_dir / "logs" / "web.log"
    logged = len(log.read_text())
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
    assert "Traceback" not in log.read_text()[logged:]
