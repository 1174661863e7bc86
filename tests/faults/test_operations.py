"""docs/howto/operations.md does what it says: its blocks are executed, with a real proxy, on loopback."""

import json
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.lab import ROOT, Lab, free_port, quick, slow

PAGE = (ROOT / "docs" / "howto" / "operations.md").read_text()
HOST = "localhost"
VISITOR = "127.0.0.2"
"""The whole of 127.0.0.0/8 is this machine: a visitor whose address is not that of the proxy."""


def block(name: str) -> str:
    block = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert block, f"the page has no block {name}"
    return block[1]


def executed(name: str, variables: dict[str, str], folder: Path = ROOT) -> None:
    script = block(name).replace("lab.example.org", HOST)
    environment = variables if "DATA_DIR" in variables else os.environ | variables
    subprocess.run(["bash", "-euc", script], cwd=folder, env=environment, check=True, timeout=60, capture_output=True)


def variables() -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(\S+)", block("production"), re.MULTILINE))


@contextmanager
def nginx(folder: Path, port: int, upstream: str) -> Iterator[ssl.SSLContext]:
    """The page's proxy on a port of its own; its certificate is the only one that is trusted."""
    executed("certificate", {}, folder)
    server = block("nginx").replace("lab.example.org", HOST).replace("/etc/ssl", str(folder))
    server = server.replace("http://127.0.0.1:8000", upstream).replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    server = server.replace("listen 80", f"listen 127.0.0.1:{free_port()}")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    account = "user root;" if os.getuid() == 0 else ""
    program = f"daemon off; {account} error_log {folder}/error.log; pid {folder}/pid; events {{}}"
    (folder / "nginx.conf").write_text(f"{program} http {{ access_log off; {temporary}\n{server}\n}}")
    process = subprocess.Popen(["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        yield ssl.create_default_context(cafile=folder / "lab.crt")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def ask(context: ssl.SSLContext, port: int, path: str, body: str | None = None, **headers: str) -> HTTPResponse:
    connection = HTTPSConnection(HOST, port, timeout=20, context=context, source_address=(VISITOR, 0))
    connection.request("GET" if body is None else "POST", path, body, headers=headers)
    return connection.getresponse()


def entering(context: ssl.SSLContext, port: int, link: str, **headers: str) -> HTTPResponse:
    """The answer to the button of the page behind a login link."""
    page = ask(context, port, link, **headers)
    assert page.status == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token
    cookie = (page.headers.get("Set-Cookie") or "").partition(";")[0]
    form = {"Cookie": cookie, "Origin": f"https://{HOST}:{port}", "Content-Type": "application/x-www-form-urlencoded"}
    return ask(context, port, link, f"csrfmiddlewaretoken={token[1]}", **form, **headers)


class Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def test_a_laboratory_behind_the_proxy_of_the_page_is_reached_by_https_alone_and_knows_its_visitors(tmp_path: Path) -> None:
    port = free_port()
    settings = variables() | {"SITE_URL": f"https://{HOST}:{port}"}
    lab = Lab(tmp_path / "lab", "--workers", "0", **settings)
    lab.start()
    try:
        (tmp_path / "proxy").mkdir()
        with nginx(tmp_path / "proxy", port, lab.url) as context:
            lab.until(lambda: (tmp_path / "proxy" / "pid").exists())
            assert lab.login_link.startswith(f"https://{HOST}:{port}/login/link/")
            link = urlsplit(lab.login_link).path
            entered = entering(context, port, link, **{"X-Forwarded-For": "203.0.113.9"})
            assert entered.status == 302
            assert entered.headers["Strict-Transport-Security"] == "max-age=31536000"
            cookies = entered.headers.get_all("Set-Cookie") or []
            session = next(cookie for cookie in cookies if cookie.startswith("sessionid="))
            assert all("; Secure" in cookie for cookie in cookies)
            cookie = {"Cookie": session.partition(";")[0]}
            assert ask(context, port, "/account/", **cookie).status == 200
            handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": f"https://{HOST}:{port}"}
            handshake |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x" * 22 + "=="}
            assert ask(context, port, "/ws/experiments/1/", **cookie, **handshake).status in (101, 403), (
                "the upgrade was passed on"
            )
            with closing(sqlite3.connect(tmp_path / "lab" / "lab.sqlite3")) as record:
                (details,) = record.execute("select details from audit_entry where verb = 'logged-in'").fetchone()
            assert json.loads(details)["from"] == VISITOR
        with pytest.raises(urllib.error.HTTPError) as plain:
            urllib.request.build_opener(Stays).open(f"{lab.url}/login/", timeout=20)
        assert plain.value.code == 301
        assert plain.value.headers["Location"].startswith("https://")
    finally:
        lab.stop()


def test_the_settings_of_the_page_pass_the_checks_of_a_deployment(tmp_path: Path) -> None:
    said = Lab(tmp_path, DJANGO_ALLOW_ASYNC_UNSAFE="", **variables()).manage("check", "--deploy", "--fail-level", "WARNING")
    assert "System check identified no issues" in said


@pytest.mark.long
def test_a_backup_of_a_laboratory_whose_runs_train_is_restored_with_all_that_it_knew(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", W2S_CHECKPOINT_SECONDS="1")
    places = lab.environment | {"BACKUP": str(tmp_path / "backup.zip")}
    with lab:
        before = lab.finished(pk := lab.launch(quick()))
        # Four supervisors that a worker trains side by side: with more epochs it would take them one after the other.
        at_work = lab.launch(slow(seeds=4, weak={"models": ["bag-of-words"], "epochs": 450}))
        runs = [run["run"] for run in lab.experiment(at_work)["runs"] if run["role"] == "weak"]
        lab.until(lambda: all("checkpoint" in lab.kinds(run) for run in runs), progress=lambda: len(lab.events(runs[0])))
        executed("backup", places)
        later = lab.launch(quick(name="After the backup"))
    (tmp_path / "lab" / "artifacts" / "runs").rename(tmp_path / "lost")
    executed("restore", places)
    assert [path for path in (tmp_path / "lab").rglob("*") if path.stat().st_mode & 0o077] == []
    assert [path.name for path in (tmp_path / "lab").glob(".*")] == []
    with lab:
        assert lab.experiment(pk) == before
        assert lab.call("GET", f"/experiments/{later}")[0] == 404
        lab.until(lambda: lab.call("GET", f"/experiments/{pk}/examples")[0] == 200)
        assert len(runs) == 4
        lab.until(lambda: all(lab.kinds(run).count("started") == 2 for run in runs), progress=lambda: len(lab.events(runs[0])))
        for run in runs:
            events = lab.events(run)
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            released = next(event for event in events if event["kind"] == "released")
            assert released["cause"] == "the laboratory was restored from a backup"
            assert [event for event in events if event["kind"] == "started"][1]["resumed_from"] > 0
        lab.call("POST", f"/experiments/{at_work}/stop")
    assert (tmp_path / "lab.before" / "lab.sqlite3").exists()
