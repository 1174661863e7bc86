"""What to do when memory runs out: tell it from other errors, and give back what can be given back."""

import ctypes
import gc
import sys

import torch

SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""In the messages of CUDA, MPS and the CPU allocators, which have no class of their own but CUDA's."""


def ran_out(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(sign in text for sign in SIGNS)


def release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_freed() -> None:
    """Tells glibc to keep what is freed for the next tensor. Else each large one is new memory, paid for page by page."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TOP_PAD, 2**26)
