"""Hosts of a network on this machine: namespaces with links that can be cut. As root, inside a network namespace of its own."""

import pwd
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.lab import ROOT

NETWORK = "10.77.0"
BRIDGE = "w2s-bridge"
START_SECONDS = 240.0


def make_network() -> None:
    """Make the bridge that links all hosts; it has an address of its own, for whoever tests."""
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")


class Host:
    """A network namespace with an address of its own, linked to the bridge; it ends with its process."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.address = name, f"{NETWORK}.{number}"
        self.link = f"w2s-{name}"[:15]
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._wait_until_unshared()
        ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", str(self.process.pid))
        ip("link", "set", self.link, "master", BRIDGE, "up")
        self.run("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            self.run("ip", "link", "set", device, "up")
        self.children: list[subprocess.Popen[bytes]] = []

    def _wait_until_unshared(self) -> None:
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self.process.pid}/ns/net").readlink() == own:
            time.sleep(0.01)

    def inside(self, account: str = "") -> list[str]:
        entry = pwd.getpwnam(account) if account else None
        identity = ["--setuid", str(entry.pw_uid), "--setgid", str(entry.pw_gid)] if entry else []
        return ["nsenter", "--net", "--target", str(self.process.pid), *identity]

    def run(self, *command: str | Path, account: str = "", **options: Any) -> str:
        words = [*self.inside(account), *map(str, command)]
        done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=options.pop("cwd", ROOT), **options)
        assert done.returncode == 0, f"{self.name}: {command}: {done.stderr}"
        return str(done.stdout)

    def start(self, *command: str | Path, log: Path, **options: Any) -> None:
        with log.open("ab") as output:
            words = [*self.inside(), *map(str, command)]
            self.children.append(subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output, **options))

    def cut(self) -> None:
        ip("link", "set", self.link, "down")

    def heal(self) -> None:
        ip("link", "set", self.link, "up")

    def end(self) -> None:
        for child in self.children:
            child.terminate()
        for child in self.children:
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.process.kill()
        self.process.wait()


def wait_until_open(address: str, port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((address, port), 5).close()
        except OSError:
            assert time.monotonic() < until, f"nothing listens at {address}:{port}"
            time.sleep(0.1)
        else:
            return


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
