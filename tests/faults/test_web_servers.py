"""Two web servers and a worker of chores, each with a data folder of its own: they share a database, a broker and a store."""

import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Postgres
from tests.factories.imports import content
from tests.factories.object_storage import ObjectStorage
from tests.lab import ROOT, Lab, free_port, quick
from tests.servers import redis_server
from training.storage.remote import FsspecRemote

LOG_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.get_or_create(username="admin", is_superuser=True, is_staff=True)[0])
print("session", client.cookies["sessionid"].value)
"""
KILLED = """
import os, signal
from training.storage.remote import FsspecRemote
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.shares import services
upload = FsspecRemote.upload

def killed(remote, source, name):
    if name.endswith("paper.json"):
        os.kill(os.getpid(), signal.SIGKILL)
    upload(remote, source, name)

FsspecRemote.upload = killed
experiment = Experiment.objects.get(pk={pk})
services.share_frozen(experiment, Choices(title="Never seen", examples="all"), experiment.owner)
"""
PAGES = ("", "v1/", "v1/offline.html", "v1/paper.pdf", "v1/card.png", "v1/charts/gap-0.csv", "v1/charts/gap-0.svg")


@dataclass
class Browser:
    """A person's browser; its cookies are for both web servers, as behind a load balancer."""

    jar: CookieJar = field(default_factory=CookieJar)
    session: str = ""

    def open(self, url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and content of the page that the address leads to."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        if self.session:
            token = "c" * 32
            opener.addheaders = [("Cookie", f"sessionid={self.session}; csrftoken={token}"), ("X-CSRFToken", token)]
        try:
            with opener.open(urllib.request.Request(url, data, headers or {}), timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def send(self, url: str, **fields: str) -> tuple[int, bytes]:
        return self.open(url, urllib.parse.urlencode(fields).encode())

    def upload(self, url: str, name: str, data: bytes) -> tuple[int, bytes]:
        head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        return self.open(url, head.encode() + data + b"\r\n--edge--\r\n", headers)


@contextmanager
def served(lab: Lab, folder: Path, *command: str) -> Iterator[None]:
    """A process of the laboratory in the data folder of ``lab``."""
    with (folder / f"{lab.data_dir.name}-{command[0]}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "manage.py", *command], cwd=ROOT, env=lab.environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@dataclass
class Servers:
    first: Lab
    second: Lab
    chores: Lab
    folder: Path
    store: FsspecRemote
    session: str

    def train(self) -> int:
        """The number of an experiment that a worker with a further data folder has trained."""
        trainer = Lab(self.folder / "trainer", **self.first.environment | {"DATA_DIR": str(self.folder / "trainer")})
        with served(trainer, self.folder, "worker"):
            experiment = self.first.finished(self.first.launch(quick()))
        assert experiment["state"] == "finished"
        return int(experiment["id"])


@pytest.fixture
def servers(postgres: Postgres, storage_server: ObjectStorage, tmp_path: Path) -> Iterator[Servers]:
    url = f"{storage_server.bucket()}/laboratory"
    with ExitStack() as stack:
        own = {"DATABASE_URL": postgres.url, "REDIS_URL": stack.enter_context(redis_server()), "ARTIFACTS_URL": url}
        own |= storage_server.variables | {"SECRET_KEY": "of all servers", "LEASE_SECONDS": "60"}
        first, second, chores = (Lab(tmp_path / name, **own) for name in ("first", "second", "chores"))
        for lab in (first, second):
            lab.manage("initialise")
        session = first.manage("shell", "-c", LOG_IN).rpartition("session ")[2].strip()
        for lab in (first, second):
            port = free_port()
            lab.url = f"http://127.0.0.1:{port}"
            stack.enter_context(served(lab, tmp_path, "web", "--port", str(port)))
        stack.enter_context(served(chores, tmp_path, "worker", "--name", "chores", "--chores"))
        stack.enter_context(served(chores, tmp_path, "recover"))
        for lab in (first, second):
            lab.until(lambda lab=lab: answers(lab), 180)  # type: ignore[misc]
        yield Servers(first, second, chores, tmp_path, FsspecRemote(url), session)


def answers(lab: Lab) -> bool:
    try:
        with urllib.request.urlopen(f"{lab.url}/healthz", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.rglob(pattern) if path.is_file()]


def shares_are_shown_by_both(servers: Servers, pk: int) -> None:
    """Freeze on the first, read all on the second, revoke on the second."""
    first, second, visitor = servers.first, servers.second, Browser()
    status, share = first.call("POST", f"/experiments/{pk}/shares", {"title": "From the first", "examples": "all"})
    assert status == 201, share
    link = first.call("POST", f"/shares/{share['slug']}/links", {})[1]
    assert visitor.open(second.url + urllib.parse.urlsplit(link["url"]).path)[0] == 200
    root = f"/shared/{share['slug']}/"

    pages = {path: visitor.open(second.url + root + path) for path in PAGES}

    assert {path: status for path, (status, _) in pages.items()} == dict.fromkeys(PAGES, 200)
    assert b"From the first" in pages[""][1]
    assert pages["v1/paper.pdf"][1].startswith(b"%PDF-")
    for path in PAGES[2:5]:
        assert visitor.open(first.url + root + path)[1] == pages[path][1], path
    rows = second.until(lambda: b'id="row-' in visitor.open(f"{second.url}{root}v1/examples/")[1])
    assert rows
    assert visitor.open(f"{second.url}{root}v1/examples/export/csv/")[1].count(b"\n") > 20
    assert files(second.data_dir / "artifacts" / "shares", "texts.parquet")
    assert not (second.data_dir / "shares").exists()

    second.call("DELETE", f"/links/{link['id']}")
    assert visitor.open(first.url + root)[0] == visitor.open(f"{first.url}{root}v1/paper.pdf")[0] == 404


def a_killed_upload_is_never_seen(servers: Servers, pk: int) -> None:
    before = {name.split("/")[1] for name in servers.store.names("shares/")}
    command = [sys.executable, "manage.py", "shell", "-c", KILLED.format(pk=pk)]
    done = subprocess.run(command, cwd=ROOT, env=servers.second.environment, check=False, timeout=180)
    assert done.returncode == -signal.SIGKILL
    [left] = {name.split("/")[1] for name in servers.store.names("shares/")} - before
    assert f"shares/{left}/checksums.txt" not in set(servers.store.names("shares/"))
    assert [share["title"] for share in servers.first.call("GET", "/shares")[1]] == ["From the first"]

    status, share = servers.second.call("POST", f"/experiments/{pk}/shares", {"title": "Never seen", "examples": "all"})
    assert status == 201
    browser = Browser(session=servers.session)
    assert browser.open(f"{servers.first.url}{share['path']}")[0] == 200


def a_truncated_share_is_named(servers: Servers) -> None:
    [name] = [name for name in servers.store.names("shares/") if name.endswith("/paper.json")][:1]
    share = next(share for share in servers.first.call("GET", "/shares")[1] if share["versions"][0]["content"] in name)
    (servers.folder / "part").write_bytes(servers.store.read(name)[:100])
    servers.store.upload(servers.folder / "part", name)
    for path in files(servers.second.data_dir / "artifacts" / "shares" / name.split("/")[1], "paper.json"):
        path.unlink()
    status, page = Browser(session=servers.session).open(f"{servers.second.url}{share['path']}")
    assert status == 503
    assert b"paper.json is not what was frozen, so it is not shown." in page


def an_upload_goes_on_elsewhere(servers: Servers) -> None:
    """Upload on the first, the mapping and saving on the second; the third checks."""
    first, second, browser = servers.first, servers.second, Browser(session=servers.session)
    status, page = browser.upload(f"{first.url}/datasets/upload/", "notes.csv", content())
    assert (status, b"verdict" in page) == (200, True)
    [upload] = [name for name in servers.store.names("uploads/") if name.endswith("upload.csv")]
    pk = upload.split("/")[1]
    assert (
        browser.send(
            f"{second.url}/datasets/imports/{pk}/check/", kind="labelled", text="body", label="verdict", classes="no\nyes"
        )[0]
        == 200
    )
    second.until(lambda: second.call("GET", f"/imports/{pk}")[1]["state"] == "checked")
    assert files(servers.chores.data_dir / "logs", "imports.log")
    assert browser.send(f"{second.url}/datasets/imports/{pk}/save/", name="notes", title="Notes")[0] == 200

    assert first.call("GET", "/datasets/notes")[1]["rows"] == 150
    assert list(servers.store.names("uploads/")) == []
    assert not [path for lab in (first, second, servers.chores) for path in files(lab.data_dir / "uploads", "*.csv")]


def an_archive_goes_on_elsewhere(servers: Servers, pk: int) -> None:
    bearer = {"Authorization": f"Bearer {servers.second.token}"}
    status, archive = Browser().open(f"{servers.second.url}/api/v1/experiments/{pk}/archive", headers=bearer)
    assert status == 200
    (servers.folder / "it.zip").write_bytes(archive)
    status, imported = servers.first.upload("/archives", servers.folder / "it.zip")
    assert status == 202, imported
    ended: Callable[[], Any] = lambda: (  # noqa: E731
        (answer := servers.second.call("GET", f"/archives/{imported['id']}")[1])["state"] in ("done", "failed") and answer
    )
    answer = servers.second.until(ended)
    assert (answer["state"], answer["problems"]) == ("done", [])
    servers.second.until(lambda: not list(servers.store.names("uploads/")))  # deleted after the end is told


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_web_servers_without_a_common_folder_share_what_they_froze_and_took(servers: Servers) -> None:
    pk = servers.train()
    shares_are_shown_by_both(servers, pk)
    a_killed_upload_is_never_seen(servers, pk)
    a_truncated_share_is_named(servers)
    an_upload_goes_on_elsewhere(servers)
    an_archive_goes_on_elsewhere(servers, pk)
