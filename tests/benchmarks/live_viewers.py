"""Viewers of a laboratory for benchmarks: sockets without a browser, and what they cost the web server."""

import asyncio
import http.cookiejar
import json
import os
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

from tests.lab import Lab


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


def cpu_seconds(lab: Lab) -> float:
    return processor_seconds(lab.processes("webapp.asgi")[0])


def memory_mb(lab: Lab) -> int:
    lines = Path(f"/proc/{lab.processes('webapp.asgi')[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))
