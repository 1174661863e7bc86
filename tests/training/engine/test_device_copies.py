"""Copies to the device, and what is read behind it."""

from typing import Any, cast

import torch
from torch import Tensor

from training.engine.device_copies import read_behind, to_device


def test_a_tensor_for_the_cpu_is_not_copied() -> None:
    tensor = torch.arange(3)
    assert to_device(tensor, torch.device("cpu")).data_ptr() == tensor.data_ptr()


def test_a_copy_to_a_gpu_is_queued_from_pinned_memory() -> None:
    calls = list[tuple[object, ...]]()

    class OnGpu:
        """A record of the calls on a tensor, where no GPU is at hand."""

        def pin_memory(self) -> "OnGpu":
            calls.append(("pinned",))
            return self

        def to(self, device: torch.device, *, non_blocking: bool) -> "OnGpu":
            calls.append((device.type, non_blocking))
            return self

    to_device(cast(Tensor, cast(Any, OnGpu())), torch.device("cuda"))
    assert calls == [("pinned",), ("cuda", True)]


def test_each_part_is_read_once_in_order_when_the_next_one_is_queued() -> None:
    done = list[str]()

    def parts() -> Any:
        for part in "abc":
            done.append(f"queue {part}")
            yield part

    for part in read_behind(parts()):
        done.append(f"read {part}")
    assert done == ["queue a", "queue b", "read a", "queue c", "read b", "read c"]
    assert list(read_behind([])) == []
