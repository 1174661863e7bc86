"""Global settings that make equal runs equal: algorithms and seeds; and the number of threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic

from training import environment
from training.engine.errors import EngineError
from training.threads import allowed

HEAD_THREADS = 1
"""Threads of heads and bags of words: their tensors are so small that a second thread costs more than it saves."""


def make_deterministic(seed: int) -> None:
    """Set deterministic kernels and a seeded generator for this process."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms(True), but without importing torch's compiler
    # Filling new memory is expensive, and helps only code that reads it before writing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


def transformer_threads(processes: int = 1) -> int:
    """Return the number of threads of a transformer in one of the ``processes`` of a run. Raises EngineError."""
    try:
        return allowed(processes).number
    except environment.SettingError as error:
        raise EngineError(f"This worker’s {error}") from None


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Fix the number of threads: the last digits of sums in matrix products depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
