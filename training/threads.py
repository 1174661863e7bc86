"""The number of threads that a trainer may use, and how they wait for each other. Needs no torch."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from training import environment

MOST = 8
"""Most threads of one process of a trainer; more have not been measured to help models of this size."""

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}
"""Settings of OpenMP (GNU's and Intel's) under which a waiting thread soon sleeps instead of spinning.

A thousand rounds are some microseconds: between two operators of a step a thread would otherwise sleep and be woken each time.
"""


class Threads(NamedTuple):
    """A number of threads and, in a few words, what decided it."""

    number: int
    source: str


def wait_passively() -> None:
    """Have threads that wait sleep. OpenMP reads its settings when torch loads it, so this must come before torch's import."""
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)


def allowed(processes: int = 1) -> Threads:
    """Return the threads of a transformer in one of the ``processes`` of a run. Raises SettingError for an unusable variable.

    ``W2S_THREADS`` is the number of threads of one run. Without it the cores that this process may use are divided among the
    ``W2S_TRAINERS`` of the machine and the processes of the run, up to ``MOST`` and ``OMP_NUM_THREADS``.
    """
    if wanted := environment.whole("W2S_THREADS", 0, least=1):
        return _shared(Threads(wanted, "W2S_THREADS"), 1, processes)
    share = _shared(min(_cores(), key=lambda limit: limit.number), environment.whole("W2S_TRAINERS", 1, least=1), processes)
    return min(share, Threads(MOST, "the most that a trainer takes"), *_openmp(), key=lambda limit: limit.number)


def _shared(threads: Threads, trainers: int, processes: int) -> Threads:
    shared = [f"{number} {name}" for number, name in ((trainers, "trainers"), (processes, "processes")) if number > 1]
    source = f"{threads.source}, divided by {' and '.join(shared)}" if shared else threads.source
    return Threads(max(1, threads.number // (trainers * processes)), source)


def _cores() -> Iterator[Threads]:
    """Yield each limit on the cores of this process."""
    machine = os.cpu_count() or 1
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    yield Threads(affinity, "the cores of this machine" if affinity == machine else "the CPU affinity of this process")
    if (quota := cgroup_quota()) is not None:
        yield Threads(max(1, math.floor(quota)), f"the quota of its cgroup, {quota:g} cores")
    slurm = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if affinity == machine and slurm.isdecimal():  # where Slurm does not bind its tasks to their cores
        yield Threads(max(1, int(slurm)), "SLURM_CPUS_PER_TASK")


def _openmp() -> Iterator[Threads]:
    """Yield OpenMP's own limit: the first number of its list for nested loops. OpenMP ignores any other value, as this does."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if first.isdecimal() and int(first):
        yield Threads(int(first), "OMP_NUM_THREADS")


def cgroup_quota(process: Path = Path("/proc/self"), root: Path = Path("/")) -> float | None:
    """Return the cores that the cgroup of ``process`` may use, with the groups around it; None for no quota.

    Control groups of both versions (cgroups(7)): ``cpu.max``, and ``cpu.cfs_quota_us`` with its period. A group may use at most
    what each group around it may, up to the mount point, below which a container sees its groups.
    """
    quotas = [quota for folder in cgroup_folders(process, root) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def cgroup_folders(process: Path = Path("/proc/self"), root: Path = Path("/")) -> Iterator[Path]:
    """Yield the folders of the groups of ``process`` that may limit its processor time."""
    try:
        groups = [line.split(":", 2) for line in (process / "cgroup").read_text().splitlines()]
        mounts = [line.partition(" - ") for line in (process / "mountinfo").read_text().splitlines()]
    except OSError:  # no Linux
        return
    path_of = {name: path for _, names, path in groups for name in names.split(",")}  # the unified hierarchy has no name
    for place, _, kind in mounts:
        (within, mount_point), (system, _, options) = place.split()[3:5], kind.split(" ")[:3]  # a source may be empty
        controller = "" if system == "cgroup2" else "cpu"
        if controller not in path_of or system not in ("cgroup", "cgroup2") or (controller and "cpu" not in options.split(",")):
            continue
        top = root / mount_point.lstrip("/")
        folder = top / os.path.relpath(path_of[controller], within)
        yield from (group for group in (folder, *folder.parents) if group.is_relative_to(top))


def _quota(folder: Path) -> float | None:
    """Return the quota of one group in cores, None where it has none."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return int(quota) / int(period) if quota not in ("max", "-1") else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
