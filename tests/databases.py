"""The databases that a laboratory can have, each of its own, which tests can take away for a while and give back."""

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.lab import free_port

INSTALLED = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *map(Path, filter(None, [shutil.which("initdb")]))]
"""The programs of PostgreSQL on this machine."""

ENGLISH = ("-E", "UTF8", "--locale-provider=icu", "--icu-locale=en")
UNSAFE = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")

LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=600, isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


class Database(Protocol):
    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Query the database itself, since the web server may be dead. Raises OSError where it is away."""

    def away(self, seconds: float) -> None:
        """Takes it away for so long."""


class Sqlite:
    """A file; it is away while another process holds its write lock."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=20)) as database:
            try:
                return database.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                raise OSError(str(error)) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        command = [sys.executable, "-c", LOCK, str(self.file)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"locked\n"
            yield

    def away(self, seconds: float) -> None:
        with self.locked():
            time.sleep(seconds)


class Postgres:
    """A PostgreSQL server of its own; it refuses to run as root, so root hands it to the account that Debian makes for it.

    Texts are in the order of English words, as with most servers: a and B stand before c. One that is not durable is as fast as
    it can be, and would lose its rows with the machine's power.
    """

    def __init__(self, folder: Path, durable: bool = True) -> None:
        self.folder = folder
        self.options = "" if durable else "".join(f" -c {name}=off" for name in UNSAFE)
        self.account: dict[str, Any] = {"user": "postgres"} if os.getuid() == 0 else {}
        if self.account:
            shutil.chown(folder, "postgres")
            for parent in folder.parents:
                if not parent.stat().st_mode & stat.S_IXOTH:
                    parent.chmod(0o755)
        self.port, self.programs = free_port(), INSTALLED[0].parent
        self.url = f"postgres://lab@127.0.0.1:{self.port}/postgres"
        self._call(self.programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "lab", "-N", *ENGLISH)
        self.start()

    def _call(self, *command: str | Path) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self.account)

    def _control(self, *words: str) -> None:
        self._call(self.programs / "pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", *words)

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder}{self.options}"
        self._control("-o", options, "start")

    def stop(self) -> None:
        """Cut connections and roll back transactions, as a restarted server does."""
        self._control("-m", "immediate", "stop")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                return connection.execute(query.encode()).fetchall()
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from error

    def away(self, seconds: float) -> None:
        self.stop()
        time.sleep(seconds)
        self.start()

    def frozen(self, seconds: float) -> None:
        """It answers nothing for so long, and then goes on."""
        main = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        pids = [main, *map(int, children)]
        for sig in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sig)
            if sig == signal.SIGSTOP:
                time.sleep(seconds)
