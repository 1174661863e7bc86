"""Handling of exhausted memory: telling it from other errors, and releasing what can be released."""

import ctypes
import gc
import sys

import torch

SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""Parts of the messages of CUDA, MPS and CPU allocators; only CUDA has an error class of its own."""


def ran_out(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(sign in text for sign in SIGNS)


def release() -> None:
    """Give memory that nothing holds back to the system."""
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_freed() -> None:
    """Have glibc keep freed memory for the next tensor. Otherwise each large one is new memory, faulted in page by page."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TOP_PAD, 2**26)
