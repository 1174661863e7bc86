"""Samples of a trainer's use of the machine, and of the speed of its runs, which the recorder stores as events of each run.

They become less frequent the more of them a run has: a thousand cover 48 days of training, the first hundred its first six
minutes. So a run of any length has few, and none is ever moved or removed.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from training.events import MetricLogged, SystemSampled
from webapp.jobs.devices import accelerators

FIRST_PAUSE, GROWTH = 2.0, 1.01
"""Seconds before the first sample, and the factor from one pause to the next."""

LOOK_SECONDS = 5.0
"""The longest time between two looks at memory and accelerators, of which a sample has the largest and the mean value."""


def pause_after(samples: int) -> float:
    """Return the seconds before the next sample of a run that has so many."""
    return FIRST_PAUSE * GROWTH**samples


@dataclass(frozen=True)
class Use:
    """The use of the machine by a trainer since the sample before; see ``SystemSampled``."""

    cores: float
    memory: int
    accelerator: float | None = None
    accelerator_memory: int | None = None


class Processes:
    """A trainer's process with all its descendants."""

    def __init__(self, pid: int) -> None:
        self._trainer = psutil.Process(pid)
        self._at, self._seconds = time.monotonic(), self.look()[0]

    def look(self) -> tuple[float, int]:
        """Return the processor time of all of them in seconds, and the sum of their resident sets in bytes.

        Raises psutil.NoSuchProcess once the trainer has ended.
        """
        seconds, memory = 0.0, 0
        for process in [self._trainer, *self._trainer.children(recursive=True)]:
            try:
                with process.oneshot():
                    seconds += sum(process.cpu_times()[:4])  # its own, and that of descendants that have ended
                    memory += process.memory_info().rss
            except psutil.NoSuchProcess:
                if process is self._trainer:
                    raise
        return seconds, memory

    def cores(self, seconds: float) -> float:
        """Return the mean number of cores at work since the last call, at which the processor time was lower than ``seconds``."""
        now = time.monotonic()
        cores = max(0.0, seconds - self._seconds) / max(1e-3, now - self._at)
        self._at, self._seconds = now, seconds
        return cores


class Sampler:
    """A thread that samples the trainer ``pid()``, which is None until it has started, whose runs have ``samples`` already."""

    def __init__(self, pid: Callable[[], int | None], samples: int) -> None:
        self._pid, self._samples = pid, samples
        self._ended = threading.Event()
        self._uses = queue.SimpleQueue[Use]()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()  # not joined: it may wait for the driver of an accelerator

    def taken(self) -> Iterator[Use]:
        """Yield the samples that were taken since the last call."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._uses.get_nowait()

    def _run(self) -> None:
        while (pid := self._pid()) is None:
            if self._ended.wait(0.1):
                return
        with contextlib.suppress(psutil.NoSuchProcess):
            processes, counted = Processes(pid), bool(accelerators())
            while True:
                use = self._sample(processes, counted)
                if use is None:
                    return
                self._uses.put(use)
                self._samples += 1

    def _sample(self, processes: Processes, counted: bool) -> Use | None:
        """Look at the trainer until the next sample is due, and return it; None once the trainer is followed no more."""
        due = time.monotonic() + pause_after(self._samples)
        memory, busy, used = list[int](), list[float](), list[int]()
        while (left := due - time.monotonic()) > 0:
            if self._ended.wait(min(left, LOOK_SECONDS)):
                return None
            seconds, size = processes.look()
            memory.append(size)
            devices = accelerators() if counted else []
            busy += [device["busy"] for device in devices if device["busy"] is not None]
            if known := [device["used"] for device in devices if device["used"] is not None]:
                used.append(sum(known))
        return Use(
            cores=round(processes.cores(seconds), 3),
            memory=max(memory),
            accelerator=round(sum(busy) / len(busy), 3) if busy else None,
            accelerator_memory=max(used, default=None),
        )


class Speed:
    """The speed of the training steps of a run with batches of ``batch_size``."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._first: tuple[float, MetricLogged] | None = None
        self._last: tuple[float, MetricLogged] | None = None

    def add(self, event: MetricLogged, at: float) -> None:
        """Note what was logged, at a time in monotonic seconds."""
        self._last = at, event
        self._first = self._first or self._last

    def sample(self, use: Use, runs: int) -> SystemSampled:
        """Return the sample of this run, one of ``runs`` that have the same ``use``."""
        examples = tokens = None
        if self._first and self._last and self._last[0] > self._first[0]:
            (begun, first), (ended, last) = self._first, self._last
            examples = round((last.step - first.step) * self._batch_size / (ended - begun), 2)
            if first.tokens is not None and last.tokens is not None:
                tokens = round((last.tokens - first.tokens) / (ended - begun), 2)
        step = self._last[1].step if self._last else 0
        self._first = self._last
        return SystemSampled(
            step=step,
            cores=use.cores,
            memory=use.memory,
            accelerator=use.accelerator,
            accelerator_memory=use.accelerator_memory,
            examples_per_second=examples,
            tokens_per_second=tokens,
            runs=runs,
        )
