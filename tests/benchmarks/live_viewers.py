"""Viewers of a laboratory for benchmarks: sockets without a browser, and what they cost the web server."""

import asyncio
import http.cookiejar
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import websockets

from tests.lab import Lab, free_port


@dataclass
class Watcher:
    """One socket, and when each row of a run came through it: {(run, seq): (emitted, arrived)}."""

    path: str
    cookie: str
    arrived: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    closed: str = ""

    async def watch(self, url: str, until: Callable[[], bool]) -> None:
        headers = {"Cookie": self.cookie, "Origin": url}
        async with websockets.connect(f"{url}{self.path}", additional_headers=headers, open_timeout=60, max_size=None) as socket:
            await socket.send(json.dumps({"have": {}}))
            pings = asyncio.create_task(self._ping(socket))
            try:
                while not until():
                    try:
                        text = await asyncio.wait_for(socket.recv(), 1)
                    except TimeoutError:
                        continue
                    self._take(json.loads(text)["runs"], time.time())
            except websockets.ConnectionClosed as error:
                self.closed = str(error)
            finally:
                pings.cancel()

    def _take(self, runs: dict[str, list[dict[str, Any]]], now: float) -> None:
        for run, events in runs.items():
            self.arrived |= {(int(run), event["seq"]): (event.get("lr") or now, now) for event in events}

    async def _ping(self, socket: websockets.ClientConnection) -> None:
        """Once in 1.5 s, as pages do."""
        while True:
            await asyncio.sleep(1.5)
            await socket.send("{}")


def session_cookie(lab: Lab) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in lab.jar)


def opened(address: str) -> str:
    """The cookies of somebody who opened a link."""
    jar = http.cookiejar.CookieJar()
    urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(address)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def percentiles(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    if not ordered:
        return "nothing arrived"
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99))
    return f"p50 {p50:.3f} s, p95 {p95:.3f} s, p99 {p99:.3f} s, max {ordered[-1]:.3f} s"


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def web_servers(lab: Lab) -> list[int]:
    """Return the ids of the web server that was forked and of those that were started as programs."""
    return [*lab.processes("w2s-web"), *lab.processes("webapp.asgi")]


def cpu_seconds(lab: Lab) -> float:
    """Return the processor time of all web servers of the laboratory."""
    return sum(map(processor_seconds, web_servers(lab)))


def memory_mb(lab: Lab) -> int:
    """Return the memory of all web servers of the laboratory."""
    return sum(map(_memory_mb, web_servers(lab)))


def _memory_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


@contextmanager
def servers(lab: Lab, number: int) -> Iterator[list[str]]:
    """Yield the addresses of ``number`` web servers of the laboratory: its own, and further ones beside it."""
    ports = [free_port() for _ in range(number - 1)]
    command = [*lab.program, "web", "--port"]
    with ExitStack() as stack:
        for port in ports:
            server = subprocess.Popen(
                [*command, str(port)], env=lab.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(server.wait)
            stack.callback(server.terminate)
        addresses = [lab.url, *(f"http://127.0.0.1:{port}" for port in ports)]
        lab.until(lambda: all(map(_answers, addresses)))
        yield addresses


def _answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
        return bool(answer.status == HTTPStatus.OK)
    return False
