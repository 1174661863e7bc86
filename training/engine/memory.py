"""What to do when memory runs out: tell it from other errors, and give back what can be given back."""

import gc

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
