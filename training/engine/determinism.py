"""Everything global that could let two equal runs differ: algorithms, seeds and the number of threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.utils.deterministic

TRANSFORMER_THREADS = min(os.cpu_count() or 1, 8)
"""For work through a transformer. Of the machine and not of the environment, so that a worker and the command line agree."""

HEAD_THREADS = 1
"""For heads and bags of words: their tensors are so small that a second thread costs more than it brings."""


def make_deterministic(seed: int) -> None:
    """Deterministic kernels and a seeded generator, for this process, from here on."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms(True), but without importing torch's compiler
    # Filling new memory costs much, and helps only code that reads it before writing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Sums in matrix products depend on the number of threads, so it is fixed by the work and not by the caller."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
