"""The devices of a worker, found without torch, which only its trainers may import."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import TypedDict

import psutil

from training import environment
from webapp.experiments.requirements import PACKAGES

REPORTED = ("torch", "accelerate", "datasets", *PACKAGES)
SECONDS = 5
QUERY = ("index", "uuid", "name", "memory.total", "memory.used", "utilization.gpu")


class Device(TypedDict):
    """A device with ``memory`` and ``used`` in bytes and ``busy`` from 0 to 1, None where these are unknown."""

    name: str
    memory: int | None
    used: int | None
    busy: float | None


def devices() -> list[Device]:
    """Return the GPUs that this process may use, or the machine's processor with its memory."""
    return accelerators() or [_machine()]


def accelerators() -> list[Device]:
    """Return the GPUs that this process may use."""
    return visible(_gpus(), os.environ.get("CUDA_VISIBLE_DEVICES"))


def processes() -> int:
    """Return the number of processes that this worker has for one run; 1 for an unusable one, with which its runs fail."""
    try:
        return environment.whole("W2S_PROCESSES", 1, least=1)
    except environment.SettingError:
        return 1


def shares(workers: int) -> list[dict[str, str]]:
    """Return the variables that give each of ``workers`` on this machine its GPUs: one for each process of a run.

    They take turns, so that more workers than GPUs are slots of the same ones. Without GPUs there is nothing to set. GPUs are
    named by UUID, since CUDA may number them in another order than the driver, or as CUDA_VISIBLE_DEVICES names them.
    """
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [row[1] for row in _gpus()] if wanted is None else [name.strip() for name in wanted.split(",") if name.strip()]
    size = min(processes(), len(names))
    groups = [names[start : start + size] for start in range(0, len(names) - size + 1, size)] if names else []
    return [{"CUDA_VISIBLE_DEVICES": ",".join(groups[worker % len(groups)])} if groups else {} for worker in range(workers)]


def packages() -> dict[str, str]:
    """Return the versions of installed packages that trainings need."""
    versions = {}
    for name in REPORTED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _gpus() -> list[list[str]]:
    """Return a row of ``QUERY`` for each GPU of this machine."""
    query = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(query, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [[cell.strip() for cell in line.split(",")] for line in output.splitlines()]


def visible(rows: list[list[str]], wanted: str | None) -> list[Device]:
    """Return the devices in ``rows`` of nvidia-smi that are ``wanted`` by number or by the beginning of their UUID."""
    if wanted is not None:
        names = [name.strip() for name in wanted.split(",") if name.strip()]
        rows = [row for name in names for row in rows if name == row[0] or (not name.isdecimal() and row[1].startswith(name))]
    return [
        Device(name=name, memory=_bytes(memory), used=_bytes(used), busy=float(busy) / 100 if busy.isdecimal() else None)
        for _, _, name, memory, used, busy in rows
    ]


def _bytes(mebibytes: str) -> int | None:
    return int(mebibytes) * 2**20 if mebibytes.isdecimal() else None


def _machine() -> Device:
    memory = psutil.virtual_memory()
    cores = psutil.cpu_count() or 1
    name = f"{'MPS' if platform.system() == 'Darwin' else 'CPU'}, {cores} core{'s' if cores > 1 else ''}"
    return Device(name=name, memory=memory.total, used=memory.total - memory.available, busy=psutil.cpu_percent() / 100)
