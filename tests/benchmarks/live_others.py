"""Trackio and TensorBoard as the benchmark of live pages measures them: from the call that logs a row to the page that has it.

Each is installed from PyPI into an environment of its own for the benchmark. A row counts as soon as an answer to a request of
the page contains it, before it is drawn, which favours them. Both have the settings with which a page loads rows by itself:
Trackio as it comes; TensorBoard with the page's automatic reload, every 15 s instead of 30 s, and a writer that flushes each row.
Lost is what no answer contained some seconds after the last row that counts.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.live_pages import ARRIVED, chromium, noted, opened_page
from tests.benchmarks.live_viewers import percentiles, processor_seconds
from tests.lab import free_port

WRITE_TRACKIO = """
import sys, time
import trackio
run, rate, folder = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
sent = open(f"{folder}.{run}", "w", buffering=1)
trackio.init(project="benchmark", name=f"run {run}", embed=False, auto_log_gpu=False, auto_log_cpu=False)
begun = time.monotonic()
for step in range(1, 4000):
    time.sleep(max(0.0, begun + step / rate - time.monotonic()))
    now = time.time()
    trackio.log({"emitted": now}, step=step)
    print(now, file=sent)
"""

WRITE_TENSORBOARD = """
import sys, time
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
run, rate, folder = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
writer, sent = EventFileWriter(f"{folder}/run{run}"), open(f"{folder}.{run}", "w", buffering=1)
begun = time.monotonic()
for step in range(1, 4000):
    time.sleep(max(0.0, begun + step / rate - time.monotonic()))
    value = Summary(value=[Summary.Value(tag="loss", simple_value=0.7 - step / 4000)])
    now = time.time()
    writer.add_event(Event(wall_time=now, step=step, summary=value))
    writer.flush()
    print(now, file=sent)
"""

RELOADS = """
const period = {autoReload: true, autoReloadPeriodInMs: 15000};
localStorage.setItem("_tb_global_settings", JSON.stringify(period));
"""


@dataclass(frozen=True)
class Tool:
    """A tool: its package, its writer's program, the arguments of its server, and the address of its page."""

    package: str
    writer: str
    server: tuple[str, ...]
    path: str
    script: str = ""
    seconds: float = 0
    """The least duration of the measurement, several times the pause between two loads of the page."""
    settle: float = 3
    """Seconds after the last row until which the page may have it: the pause of its loads and of its server's, and three more."""


TOOLS = {
    "trackio": Tool(
        "trackio",
        WRITE_TRACKIO,
        ("-c", "import trackio, sys; trackio.show(open_browser=False, host='127.0.0.1', server_port=int(sys.argv[1]))", "{port}"),
        "/?project=benchmark",
    ),
    "tensorboard": Tool(
        "tensorboard",
        WRITE_TENSORBOARD,
        ("-m", "tensorboard.main", "--logdir", "{folder}", "--host", "127.0.0.1", "--port", "{port}"),
        "/#timeseries",
        RELOADS,
        45,
        23,
    ),
}


async def measure(names: list[str], runs: int, rate: float, seconds: float) -> None:
    for name in names:
        with tempfile.TemporaryDirectory(prefix="w2s-bench-") as folder:
            await _measure(name, TOOLS[name], Path(folder), runs, rate, seconds)


async def _measure(name: str, tool: Tool, folder: Path, runs: int, rate: float, seconds: float) -> None:
    python = await asyncio.to_thread(installed, tool.package, folder / "environment")
    version = subprocess.check_output(
        [python, "-c", f"from importlib.metadata import version; print(version('{tool.package}'))"], text=True
    ).strip()
    data, port = folder / "data", free_port()
    data.mkdir()
    environment = os.environ | {"TRACKIO_DIR": str(data), "HF_HUB_OFFLINE": "1", "HF_HOME": str(data)}
    log = (folder / "log").open("w")

    def start(*words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([python, *words], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)

    processes = [start("-c", tool.writer, str(run), str(rate), str(data)) for run in range(runs)]
    try:
        await asyncio.sleep(3)
        server = start(*(word.format(port=port, folder=data) for word in tool.server))
        processes.append(server)
        await answering(port, folder)
        async with chromium() as browser:
            page = await opened_page(browser, f"http://127.0.0.1:{port}{tool.path}", tool.script + ARRIVED)
            await asyncio.sleep(8)
            since, used = time.time(), of_tree(server.pid)
            await asyncio.sleep(max(seconds, tool.seconds))
            until, used = time.time(), of_tree(server.pid) - used
            await asyncio.sleep(tool.settle)
            arrived = (await noted(page))["arrived"]
            await page.screenshot(path=os.environ.get("BENCH_SHOT", str(folder / "page.png")))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    latencies = [at - emitted for emitted, at in arrived if since <= emitted <= until]
    sent = sum(since <= float(line) <= until for run in range(runs) for line in Path(f"{data}.{run}").read_text().splitlines())
    print(f"\n{name} {version}, 1 page, {runs} runs of {rate:g} rows/s, {until - since:.0f} s")
    print(f"  in the page  {percentiles(latencies)} of {len(latencies)} rows")
    print(f"  lost {sent - len(latencies)} of {sent}")
    print(f"  server {100 * used / (until - since):.1f} % of a core", flush=True)


def of_tree(pid: int) -> float:
    """Return the processor time of a process and its children, in seconds."""
    return sum(processor_seconds(each.pid) for each in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)])


def installed(package: str, folder: Path) -> str:
    """Install ``package`` into a new environment, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, package], check=True, stderr=subprocess.DEVNULL)
    return python


async def answering(port: int, folder: Path) -> None:
    """Wait until something listens at ``port``. Raises TimeoutError with the log after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
    raise TimeoutError((folder / "log").read_text()[-2000:])
