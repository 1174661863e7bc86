"""The check of processes that train one run together: a sum over two of them, by the worker's own launcher."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from accelerate import Accelerator

from training.command_output import MachineCheck
from training.engine.distributed import launcher
from training.engine.distributed.process_group import ProcessGroup
from training.engine.errors import EngineError, Stopped
from training.engine.machine import self_test
from training.events import Event, Progress
from training.spec import RunSpec
from training.storage.artifacts import Store

SECONDS = 60.0
"""Time for two processes to start and to sum; a collective that hangs would last for ever."""


def processes(should_stop: Callable[[], bool]) -> MachineCheck:
    """Read this worker's number of processes, and sum a tensor over two. Raises Stopped, and EngineError for its settings."""
    size, _ = launcher.settings()
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    backends = [name for name, there in (("gloo", dist.is_gloo_available()), ("nccl", dist.is_nccl_available())) if there]
    facts: dict[str, str | bool | int | list[str]] = {"backends": backends, "devices": gpus, "processes": size}
    available = f"Backends: {', '.join(backends)}"
    if gpus and "nccl" not in backends:
        sentence = f"{available}; without NCCL a run cannot have several GPUs: install PyPI’s build of torch."
        return MachineCheck(name="processes", state="warning", sentence=sentence, facts=dict(facts))
    if gpus and size > gpus:
        sentence = f"W2S_PROCESSES is {size}, and each process needs one of {gpus} GPUs: lower it, or see CUDA_VISIBLE_DEVICES."
        return MachineCheck(name="processes", state="failed", sentence=sentence, facts=dict(facts))
    if gpus == 1:
        sentence = f"{available}. One GPU: a sum over two was not tried."
        return MachineCheck(name="processes", state="ok", sentence=sentence, facts=dict(facts))
    sums: list[Event] = []
    with tempfile.TemporaryDirectory(prefix="w2s-doctor-") as folder, _two_processes():
        begun = time.monotonic()
        launcher.train_together(_sum, self_test.runs()["fp32"], Store(Path(folder)), sums.append, _until(should_stop))
    (total,) = (event for event in sums if isinstance(event, Progress))
    if total.done != total.total:
        sentence = f"{available}. A sum over processes is {total.done} instead of {total.total}: train each run in one process."
        return MachineCheck(name="processes", state="failed", sentence=sentence, facts=dict(facts))
    seconds = time.monotonic() - begun
    sentence = f"{available}. A sum over two processes is right; their start and end took {seconds:.1f} s."
    return MachineCheck(name="processes", state="ok", sentence=sentence, facts=dict(facts))


def _sum(
    run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool], process_group: ProcessGroup
) -> None:
    """Emit, as progress, the sum of the ranks from 1 on, and what it must be."""
    summed = process_group.sum(torch.full((1024,), process_group.rank + 1.0, device=Accelerator().device))
    size = process_group.size
    emit(Progress(phase="sum", done=int(summed.mean().item()), total=size * (size + 1) // 2))


@contextlib.contextmanager
def _two_processes() -> Iterator[None]:
    """Set the variables of a worker for one run in two processes, unsharded."""
    names = ("W2S_PROCESSES", "W2S_SHARDED")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ |= {"W2S_PROCESSES": "2", "W2S_SHARDED": "0"}
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]
        os.environ |= before


def _until(should_stop: Callable[[], bool]) -> Callable[[], bool]:
    """Return a predicate for the launcher that raises Stopped, or EngineError when the time is over: both end the processes."""
    end = time.monotonic() + SECONDS

    def check() -> bool:
        if should_stop():
            raise Stopped
        if time.monotonic() > end:
            raise EngineError(f"Two processes did not sum within {SECONDS:.0f} s: train each run in one.")
        return False

    return check
