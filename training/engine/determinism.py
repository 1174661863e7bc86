"""Global settings that make equal runs equal: algorithms, seeds and the number of threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic

TRANSFORMER_THREADS = min(os.cpu_count() or 1, 8)
"""Threads of transformers, a property of the machine and not of the environment, so that worker and command line agree."""

HEAD_THREADS = 1
"""Threads of heads and bags of words: their tensors are so small that a second thread costs more than it saves."""


def make_deterministic(seed: int) -> None:
    """Set deterministic kernels and a seeded generator for this process."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms(True), but without importing torch's compiler
    # Filling new memory is expensive, and helps only code that reads it before writing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Fix the number of threads: sums in matrix products depend on it, so the task sets it and not the caller."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
