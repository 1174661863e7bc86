"""The launcher of a run in several processes: a process that computes nothing starts, watches and ends them.

Their number is a setting of the worker (``W2S_PROCESSES``, ``W2S_SHARDED``) and not part of a run's key.
"""

import contextlib
import logging
import multiprocessing
import os
import pickle  # nosec B403 # from own processes, through pipes
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator

from training import environment
from training.engine.determinism import transformer_threads
from training.engine.distributed.process_group import ALONE, ProcessGroup
from training.engine.errors import EngineError, Killed, Stopped
from training.events import Event
from training.file_permissions import restrict_permissions
from training.fork_server import FORKS, die_with_parent
from training.spec import RunSpec
from training.storage.artifacts import Store

log = logging.getLogger(__name__)

Train = Callable[[RunSpec, Store, Callable[[Event], None], Callable[[], bool], ProcessGroup], None]

LOOPBACK = "lo" if sys.platform == "linux" else "lo0"
COLLECTIVE_TIMEOUT = timedelta(days=7)
"""Time-out of collectives: long, since a working process may be slow, and the watching process notices a dead one."""
REPORT_SECONDS = 2.0
"""Time for the other processes to report after one has failed, before they are killed."""


def train_together(
    train: Train, run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]
) -> None:
    """Call ``train`` in this process, or in the worker's number of processes for one run; their events are emitted here.

    A head or a bag of words is too small to be distributed. Raises the error of a process.
    """
    size, sharded = settings()
    if size == 1 or not run.tunes_backbone:
        train(run, store, emit, should_stop, ALONE)
        return
    with tempfile.TemporaryDirectory(prefix="w2s-") as folder, contextlib.ExitStack() as ended:
        start = _context()
        stop = start.RawValue("b", 0)
        processes = []
        for rank in range(size):
            receiver, sender = start.Pipe(duplex=False)
            task = (ProcessGroup(rank, size, sharded), Path(folder) / "rendezvous", sender, stop, os.getpid(), train, run, store)
            child = start.Process(target=_work, args=task, name=f"process {rank + 1} of {size}")
            child.start()
            processes.append(GroupProcess(child, receiver))
            ended.callback(processes[-1].end)
            sender.close()  # so that the end of the process ends its messages
        _watch(processes, emit, should_stop, stop)


def settings() -> tuple[int, bool]:
    """Return the number of processes that this worker has for one run, and whether they shard the model. Raises EngineError."""
    try:
        processes, sharded = environment.whole("W2S_PROCESSES", 1, least=1), environment.flag("W2S_SHARDED")
    except environment.SettingError as error:
        raise EngineError(f"This worker’s {error}") from None
    if sharded and processes == 1:
        raise EngineError("This worker’s W2S_SHARDED needs W2S_PROCESSES of two or more.")
    return processes, sharded


def _context() -> Any:
    """Return a context that forks while that is safe, which saves seconds of imports: before torch has threads or holds a GPU."""
    threads = len(list(Path("/proc/self/task").iterdir())) if FORKS else None
    return multiprocessing.get_context("fork" if threads == 1 and not torch.cuda.is_initialized() else "spawn")  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a process: its error, None for success, and the time, by a clock that all processes share."""

    error: BaseException | None
    when: float


class GroupProcess:
    """A process of the group, as seen by the watching process."""

    def __init__(self, process: BaseProcess, receiver: Connection) -> None:
        self.process, self.receiver = process, receiver
        self.outcome: Outcome | None = None
        self.gone = False

    def receive(self) -> Event | None:
        """Return the next event, None for another message or the end."""
        try:
            message = self.receiver.recv()
        except EOFError:
            self.gone = True
            return None
        if isinstance(message, Outcome):
            self.outcome = message
            return None
        event: Event = message
        return event

    @property
    def failed(self) -> bool:
        if self.outcome:
            return self.outcome.error is not None and not isinstance(self.outcome.error, Stopped)
        return self.gone

    def error(self) -> tuple[float, BaseException]:
        """Return time and error of a failed process. A killed one has no message and counts as the first failure."""
        if self.outcome and self.outcome.error:
            return self.outcome.when, self.outcome.error
        self.process.join(REPORT_SECONDS)
        code = self.process.exitcode or 0
        reason = (
            f"was killed by signal {-code}" + (" (out of memory?)" if code == -9 else "") if code < 0 else f"ended with {code}"
        )
        kind = Killed if code < 0 else EngineError
        return 0.0, kind(f"One of the processes of this run, {self.process.name}, {reason} without saying why.")

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.receiver.close()


def _watch(processes: list[GroupProcess], emit: Callable[[Event], None], should_stop: Callable[[], bool], stop: Any) -> None:
    """Watch until the main process has ended. Raises its error, or that of the first process to fail."""
    main = processes[0]
    while main.outcome is None and not any(process.failed for process in processes):
        stop.value = stop.value or should_stop()
        _emit_received(processes, emit, 0.05)
    if main.outcome and not main.failed:
        if main.outcome.error:
            raise main.outcome.error
        return
    deadline = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < deadline and not all(process.outcome or process.gone for process in processes):
        _emit_received(processes, emit, 0.05)
    raise min((process.error() for process in processes if process.failed), key=lambda failure: failure[0])[1]


def _emit_received(processes: list[GroupProcess], emit: Callable[[Event], None], seconds: float) -> None:
    """Emit the events that arrive within ``seconds``."""
    open_ = {process.receiver: process for process in processes if not process.gone}
    for receiver in wait(list(open_), seconds):
        if (event := open_[receiver].receive()) is not None:  # type: ignore[index]
            emit(event)


def _work(
    process_group: ProcessGroup,
    rendezvous: Path,
    sender: Connection,
    stop: Any,
    parent: int,
    train: Train,
    run: RunSpec,
    store: Store,
) -> None:
    """Run one process: it ends when its parent does, and stops only when all processes agree to."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return  # the parent died first
    restrict_permissions()
    error: BaseException | None = None
    try:
        _join_group(process_group, rendezvous)
        train(run, store, sender.send if process_group.main else lambda _: None, lambda: bool(stop.value), process_group)
    except Stopped as stopped:
        error = stopped
    except BaseException as failure:
        log.exception("Process %d of %d failed.", process_group.rank + 1, process_group.size)
        error = _portable(failure)
    sender.send(Outcome(error, time.monotonic()))


def _join_group(process_group: ProcessGroup, rendezvous: Path) -> None:
    """Join the process group, whose processes find each other through a file and connect over loopback, one device for each."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and process_group.size > gpus:
        raise EngineError(
            f"This worker’s W2S_PROCESSES is {process_group.size}, but it sees {gpus} GPUs; each process needs one."
        )
    ranks = {
        "RANK": process_group.rank,
        "LOCAL_RANK": process_group.rank,
        "WORLD_SIZE": process_group.size,
        "LOCAL_WORLD_SIZE": process_group.size,
    }
    os.environ |= {name: str(number) for name, number in ranks.items()}
    os.environ |= {"GLOO_SOCKET_IFNAME": LOOPBACK, "NCCL_SOCKET_IFNAME": LOOPBACK}
    # Or Accelerate sets threads, which the engine does itself. This value is no lower limit than the engine's own.
    os.environ.setdefault("OMP_NUM_THREADS", str(transformer_threads(process_group.size)))
    if gpus:
        torch.cuda.set_device(process_group.rank)
    backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
    # By path, since a URL would need quoting.
    store = dist.FileStore(str(rendezvous), process_group.size)  # type: ignore[attr-defined]
    dist.init_process_group(
        backend, store=store, rank=process_group.rank, world_size=process_group.size, timeout=COLLECTIVE_TIMEOUT
    )
    Accelerator(cpu=not gpus)  # determines the device of this process


def _portable(error: BaseException) -> BaseException:
    """Return ``error`` if it can be pickled, or an error with the same message."""
    try:
        pickle.loads(pickle.dumps(error))  # nosec B301 # pickled here
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
