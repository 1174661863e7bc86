"""How long an event takes from the record to a watching page: runs x rows per second x viewers, on the real stack.

python -m tests.benchmarks.live --runs 4 --rate 10 --viewers 20 --seconds 30
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import django
import websockets

from tests.lab import Lab


def session_cookie(lab: Lab) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in lab.jar)


def produce(pk: int, rate: float, seconds: float, sent: dict[tuple[int, int], float]) -> int:
    """Appends metrics to every run of the experiment, as its recorders would: in batches of a quarter of a second."""
    from training.events import MetricLogged
    from webapp.experiments import services
    from webapp.experiments.models import Experiment
    from webapp.live.nudge import nudge

    runs = [services.claim(run.pk, "bench") for run in Experiment.objects.get(pk=pk).runs.filter(status="queued")]
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        batch = max(1, round(rate / 4))
        for run in runs:
            assert run
            services.append_events(run.pk, run.attempt, [MetricLogged(step=step + i, loss=1.0, lr=1.0) for i in range(batch)])
            for i in range(batch):
                sent[run.pk, step + i] = time.time()
            nudge([run.pk])
        step += batch
        time.sleep(0.25)
    return step * len(runs)


async def watch(url: str, pk: int, cookie: str, sent: dict[tuple[int, int], float], seconds: float) -> list[float]:
    """Latencies of the events that one viewer gets."""
    found = []
    async with websockets.connect(f"{url}/ws/experiments/{pk}/", additional_headers={"Cookie": cookie, "Origin": url}) as socket:
        await socket.send(json.dumps({"have": {}}))
        deadline = time.monotonic() + seconds + 3
        while time.monotonic() < deadline:
            try:
                frame = json.loads(await asyncio.wait_for(socket.recv(), 1))
            except TimeoutError:
                continue
            now = time.time()
            for run, events in frame["runs"].items():
                found += [now - sent[int(run), event["step"]] for event in events if event["kind"] == "metric"]
    return found


async def measure(lab: Lab, pk: int, arguments: argparse.Namespace) -> None:
    cookie, sent = session_cookie(lab), dict[tuple[int, int], float]()
    url = lab.url.replace("http", "ws")
    total: list[int] = []
    producer = threading.Thread(target=lambda: total.append(produce(pk, arguments.rate, arguments.seconds, sent)))
    viewers = [asyncio.create_task(watch(url, pk, cookie, sent, arguments.seconds)) for _ in range(arguments.viewers)]
    await asyncio.sleep(1)
    producer.start()
    received = await asyncio.gather(*viewers)
    producer.join()
    latencies = sorted(latency for viewer in received for latency in viewer)
    web = Path(f"/proc/{lab.processes('uvicorn')[0]}")
    ticks = sum(map(int, (web / "stat").read_text().rpartition(")")[2].split()[11:13]))
    memory = next(line.split()[1] for line in (web / "status").read_text().splitlines() if line.startswith("VmRSS"))
    print(f"{arguments.runs} runs x {arguments.rate} rows/s x {arguments.viewers} viewers, {arguments.seconds} s")
    print(f"events {total[0]}, lost {sum(total[0] - len(viewer) for viewer in received)}")
    p95 = latencies[int(0.95 * len(latencies))]
    print(f"latency p50 {statistics.median(latencies):.3f} s, p95 {p95:.3f} s, max {latencies[-1]:.3f} s")
    print(f"web server: {ticks / os.sysconf('SC_CLK_TCK'):.1f} s of CPU since its start, {int(memory) // 1024} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    no_worker = ("--workers", "0")
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as folder, Lab(Path(folder), *no_worker, LEASE_SECONDS="600") as lab:
        spec = {"seeds": arguments.runs // 2, "methods": [{"kind": "naive"}], "name": "Benchmark"}
        pk = lab.launch(spec)  # each seed has two runs that can start: supervisor and ceiling
        os.environ |= lab.environment
        django.setup()
        asyncio.run(measure(lab, pk, arguments))


if __name__ == "__main__":
    main()
