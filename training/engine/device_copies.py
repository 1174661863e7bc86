"""Copies of tensors to the device of a training, beside which this process and the device go on with their work."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

Made = TypeVar("Made")


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Return ``tensor``, which is in this process's memory, on ``device``.

    A copy to a GPU is only queued, from pinned memory, so that this process makes the next batch while the GPU computes this one.
    Torch keeps the pinned memory until the copy is done.
    """
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def read_behind(made: Iterable[Made]) -> Iterator[Made]:
    """Yield what is ``made``, each when the next one is queued on the device, which so has work while this one is read."""
    before = list[Made]()
    for each in made:
        yield from before
        before = [each]
    yield from before
