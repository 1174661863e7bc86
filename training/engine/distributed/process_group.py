"""The process group of a run, as each of its processes sees it: equal steps in all, each on its share of the rows.

All communication is collective, so every process must call the same methods in the same order.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor, nn

from training.engine.data.split import Rows
from training.engine.distributed import memory, sharding
from training.engine.errors import TooLarge

BUCKET = 2**23
"""Gradient values that are summed over processes at once: 32 MB."""


@dataclass(frozen=True)
class ProcessGroup:
    """Process ``rank`` of ``size``. ``sharded``: each holds a share of the model too, by FSDP, instead of all of it."""

    rank: int = 0
    size: int = 1
    sharded: bool = False

    @property
    def main(self) -> bool:
        """Return whether this is the process that emits events and writes files."""
        return self.rank == 0

    def place(self, model: nn.Module) -> nn.Module:
        """Return ``model`` on this process's device, or this process's shards of it."""
        device = Accelerator().device
        return sharding.shard(model, device) if self.sharded else model.to(device)

    # Rows.

    def share(self, rows: Rows) -> Rows:
        """Return this process's share of ``rows``; empty where there are fewer rows than processes."""
        return rows if self.size == 1 else rows[self.rank :: self.size]

    def gather(self, share: Tensor, total: int) -> Tensor:
        """Return the values of all processes' shares (n, ...) of ``total`` rows, in the order of the rows (total, ...)."""
        if self.size == 1:
            return share
        whole = share.new_zeros(total, *share.shape[1:])
        whole[self.rank :: self.size] = share
        return self.sum(whole)

    def rounds(self, parts: list[Rows]) -> Iterator[Rows]:
        """Yield this process's ``parts``, then empty ones while another process has more: all have equally many rounds."""
        rounds = self._largest(len(parts))
        yield from parts
        for _ in range(rounds - len(parts)):
            yield np.zeros(0, np.int64)

    # Agreement.

    def agree(self, wish: bool) -> bool:
        """Return whether the wish is true in any process."""
        return bool(self._largest(wish))

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Raise exhausted memory of one process in this block in all processes at its end. The block must not communicate.

        Raises TooLarge where the model is sharded: the other processes then wait for this one inside the model.
        """
        ran_out = False
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not memory.ran_out(error):
                raise
            ran_out = True
        if ran_out and self.sharded:
            raise TooLarge(
                "Memory ran out in one process of a sharded model: try more processes, gradient checkpointing, "
                "or fewer tokens of each text."
            )
        if self.agree(ran_out):  # outside the handler, where no exception holds the tensors that filled the memory
            raise torch.OutOfMemoryError("out of memory in one of the processes")

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the other processes enter after the main process has left: they reuse the files that it wrote."""
        if not self.main:
            self.wait()
        yield
        if self.main:
            self.wait()

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.agree(False)

    def _largest(self, number: int) -> int:
        """Return the largest number of all processes, by a CPU tensor, so that no accelerator is waited for."""
        if self.size == 1:
            return number
        largest = torch.tensor(number, dtype=torch.int64)
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        return int(largest)

    # Sums.

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum ``tensor`` over all processes, in place, and return it."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum each gradient over all processes, in place. FSDP has already done so in the backward pass."""
        if self.size == 1 or self.sharded:
            return
        for bucket in _buckets([parameter.grad for parameter in parameters if parameter.grad is not None]):
            flat = self.sum(torch.cat([gradient.flatten() for gradient in bucket]))
            for gradient, summed in zip(bucket, torch.split(flat, [part.numel() for part in bucket]), strict=True):
                gradient.copy_(summed.view_as(gradient))


ALONE = ProcessGroup()
"""A group of one process: all rows are its own."""


def _buckets(gradients: list[Tensor]) -> Iterator[list[Tensor]]:
    """Yield neighbouring gradients of at most ``BUCKET`` numbers together, or a single larger one."""
    bucket, filled = list[Tensor](), 0
    for gradient in gradients:
        if bucket and filled + gradient.numel() > BUCKET:
            yield bucket
            bucket, filled = [], 0
        bucket.append(gradient)
        filled += gradient.numel()
    if bucket:
        yield bucket
