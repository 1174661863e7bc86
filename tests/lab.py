"""A whole laboratory for a test: ``manage.py up`` as a person starts it, and what a person then sees and does from outside."""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import cache, cached_property
from http.cookiejar import CookieJar
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

ROOT = Path(__file__).resolve().parent.parent
LEASE_SECONDS = 4.0


_splits = count(1)

PREPARE = """
from django.core.management import call_command
from webapp import static_files
from webapp.accounts.tokens import make_token
from webapp.pages.accounts.one_time_links import first_account
call_command("migrate", verbosity=0)
static_files.collect()
print(make_token(first_account()))
"""


@cache
def prepared() -> tuple[Path, str]:
    """Return a data folder from which new laboratories start sooner, and an API token of its first account.

    It has migrated tables, the account that a start makes, and collected static files.
    """
    folder = Path(tempfile.mkdtemp(prefix="w2s-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder, Lab(folder).manage("shell", "-c", PREPARE).splitlines()[-1]


def link_or_copy(source: str, target: str) -> None:
    """Share the file, which nothing writes to, unless the target is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def quick(**changes: Any) -> dict[str, Any]:
    """A spec that trains in seconds: bag of words teaches bag of words, so no features are made.

    Each has a split of its own, so that it trains although the laboratory has trained for other tests.
    """
    small = {"models": ["bag-of-words"], "epochs": 2}
    base = {"name": "Quick", "weak": small, "strong": small, "methods": [{"kind": "naive"}], "seeds": 1, "data": {"limit": 256}}
    spec: dict[str, Any] = base | changes
    return spec | {"data": {"split_seed": next(_splits), **spec["data"]}}


def slow(**changes: Any) -> dict[str, Any]:
    """The same, with a supervisor that trains for minutes unless it is stopped."""
    return quick(weak={"models": ["bag-of-words"], "epochs": 1000}, data={}) | changes


class Lab:
    """Started by ``with``; ends as Ctrl-C ends it."""

    def __init__(self, data_dir: Path, *arguments: str, **environment: str) -> None:
        self.data_dir = data_dir
        self.arguments = arguments
        self.program: tuple[str, ...] = (sys.executable, str(ROOT / "manage.py"))
        self.folder: Path | None = None
        ours = {"DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "webapp.settings", "LEASE_SECONDS": str(LEASE_SECONDS)}
        ours |= {"API_RATE": "1000000/m"}  # tests ask again and again until something has happened
        self.environment = (
            {key: value for key, value in os.environ.items() if key not in ("SECRET_KEY", "DATASETS_DIR")} | ours | environment
        )

    @cached_property
    def token(self) -> str:
        """An API token of the administrator."""
        return self.manage("token", "admin").strip()

    def prepare(self) -> None:
        """Give an empty data folder the tables, the account and the static files that the start would make."""
        if "DATABASE_URL" in self.environment or (self.data_dir / "lab.sqlite3").exists():
            return
        folder, self.token = prepared()
        shutil.copytree(folder / "static", self.data_dir / "static", copy_function=link_or_copy, dirs_exist_ok=True)
        for name in ("static.sha256", "lab.sqlite3"):
            shutil.copy2(folder / name, self.data_dir / name)

    def manage(self, *arguments: str) -> str:
        command = [*self.program, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, check=True, capture_output=True, text=True, timeout=180
        )
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """The last line of a command that fails."""
        command = [*self.program, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, check=False, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()[-1]

    def start(self, command: str = "up") -> "Lab":
        self.prepare()
        words = [*self.program, command, *self.arguments]
        self.process = subprocess.Popen(
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.output = ""
        assert self.process.stdout
        while "Log in once with" not in self.output:
            line = self.process.stdout.readline()
            self.output += line
            assert line, f"the laboratory did not start: {self.output}"
        self.url = re.search(r"http://(?:[\d.]+|\[[\da-f:]+\]):\d+", self.output)[0]  # type: ignore[index]
        self.login_link = re.search(r"Log in once with: (\S+)", self.output)[1]  # type: ignore[index]
        return self

    def stop(self, sig: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(sig)
        self.process.communicate(timeout=180)

    def __enter__(self) -> "Lab":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def rest(self) -> None:
        """Stop what is still at work, and wait for its end."""
        for state in ("waiting", "running"):
            for experiment in self.call("GET", f"/experiments?state={state}")[1]["experiments"]:
                self.call("POST", f"/experiments/{experiment['id']}/stop")
        self.until(lambda: not self.processes("execute"))

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of one request to the API; waits out a web server that is just starting again."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    @cached_property
    def jar(self) -> CookieJar:
        """The cookies of somebody who came by the one-time link and pressed its button."""
        jar = CookieJar()
        browser = build_opener(HTTPCookieProcessor(jar))
        page = browser.open(self.login_link).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        browser.open(self.login_link, urllib.parse.urlencode({"csrfmiddlewaretoken": token[1]}).encode())
        return jar

    def read(self, path: str) -> str:
        """The text of a page, to somebody who has logged in."""
        html = build_opener(HTTPCookieProcessor(self.jar)).open(f"{self.url}{path}", timeout=20).read().decode()
        return " ".join(re.sub(r"<[^>]+>", " ", html).split())

    def upload(self, path: str, file: Path, field: str = "file", **fields: Any) -> tuple[int, Any]:
        """Status and JSON of sending a file as ``field`` with these other fields; what is no text is sent as JSON."""
        edge = "----the-edge-of-a-part"
        parts = [
            f'name="{name}"\r\n\r\n{value if isinstance(value, str) else json.dumps(value)}' for name, value in fields.items()
        ]
        head = "".join(f"--{edge}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
        head += f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{file.name}"\r\n\r\n'
        body = head.encode() + file.read_bytes() + f"\r\n--{edge}--\r\n".encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": f"multipart/form-data; boundary={edge}"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def launch(self, spec: dict[str, Any]) -> int:
        status, answer = self.call("POST", "/experiments?launch=true", spec)
        assert status == 201, answer
        return int(answer["id"])

    def experiment(self, pk: int | str) -> dict[str, Any]:
        experiment: dict[str, Any] = self.call("GET", f"/experiments/{pk}")[1]
        return experiment

    def run(self, pk: int, role: str) -> dict[str, Any]:
        return next(run for run in self.experiment(pk)["runs"] if run["role"] == role)

    def events(self, run: int) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while page := self.call("GET", f"/runs/{run}/events?after={len(events)}")[1]["events"]:
            events += page
        return events

    def kinds(self, run: int) -> list[str]:
        return [event["kind"] for event in self.events(run)]

    def until(self, true: Callable[[], Any], seconds: float = 60, progress: Callable[[], Any] = lambda: None) -> Any:
        """The first true answer; fails with the logs' ends when none came in time.

        The time begins again whenever ``progress`` answers something else than before.
        """
        begun, before = time.monotonic(), progress()
        while (waited := time.monotonic() - begun) < seconds:
            if answer := true():
                return answer
            if (now := progress()) != before:
                begun, before = time.monotonic(), now
            time.sleep(min(0.3, 0.1 + waited / 20))  # each question takes processor time from what is waited for
        logs = "\n".join(f"--- {log}\n{log.read_text()[-1500:]}" for log in sorted(self.data_dir.rglob("*.log")))
        raise AssertionError(f"not within {seconds} s: {logs}")

    def finished(self, pk: int, seconds: float = 90) -> dict[str, Any]:
        """The experiment once it has come to rest with its result; fails where no run moves for ``seconds``."""
        latest: dict[str, Any] = {}

        def done() -> bool:
            latest.update(self.experiment(pk))
            return latest["state"] in ("finished", "failed", "stopped")

        self.until(done, seconds, lambda: [(run["status"], run["step"]) for run in latest.get("runs", ())])
        return latest

    def processes(self, *words: str) -> list[int]:
        """Ids of the processes of this laboratory with all these words in command line or name.

        The names of services begin with "w2s-", and a trainer is named "execute".
        """
        ids = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().decode().replace("\0", " ") + (entry / "comm").read_text()
                environment = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            # The broker overwrites its environment with its title, which names its socket.
            ours = f"DATA_DIR={self.data_dir}\0".encode() in environment or f"{self.data_dir}/" in command
            if ours and state != "Z" and int(entry.name) != self.process.pid and all(word in command for word in words):
                ids.append(int(entry.name))
        return ids

    def kill(self, *words: str) -> None:
        """kill -9 of the processes with these words in their command line."""
        killed = self.processes(*words)
        assert killed, f"nothing to kill: {words}"
        for pid in killed:
            os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
