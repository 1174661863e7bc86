"""The processes that train one run together, as each of them sees it: equal steps in all, each on its share of the rows.

Nothing here talks to another process unless all of them do, so every process must call the same verbs in the same order.
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
"""Numbers of gradients that are summed over processes in one go: 32 MB."""


@dataclass(frozen=True)
class ProcessGroup:
    """Process ``rank`` of ``size``. ``sharded``: each holds a share of the model too, by FSDP, and not all of it."""

    rank: int = 0
    size: int = 1
    sharded: bool = False

    @property
    def main(self) -> bool:
        """Whether this is the one process that tells events and writes files."""
        return self.rank == 0

    def place(self, model: nn.Module) -> nn.Module:
        """``model`` on this process's device, or this process's shards of it."""
        device = Accelerator().device
        return sharding.shard(model, device) if self.sharded else model.to(device)

    # Rows.

    def share(self, rows: Rows) -> Rows:
        """Those of ``rows`` that are this process's; none where there are fewer rows than processes."""
        return rows if self.size == 1 else rows[self.rank :: self.size]

    def gather(self, share: Tensor, total: int) -> Tensor:
        """What all processes have for their shares (n, ...) of ``total`` rows, in the order of the rows (total, ...)."""
        if self.size == 1:
            return share
        whole = share.new_zeros(total, *share.shape[1:])
        whole[self.rank :: self.size] = share
        return self.sum(whole)

    def rounds(self, parts: list[Rows]) -> Iterator[Rows]:
        """This process's ``parts``, then empty ones for as long as another has some: all go round equally often."""
        rounds = self._largest(len(parts))
        yield from parts
        for _ in range(rounds - len(parts)):
            yield np.zeros(0, np.int64)

    # Agreement.

    def agree(self, wish: bool) -> bool:
        """Whether any process wishes it."""
        return bool(self._largest(wish))

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Memory that runs out in one process in this block runs out in all at its end. Nothing inside talks to another process.

        Raises TooLarge where the model is sharded: then the others are waiting for this one somewhere inside the model.
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
        if self.agree(ran_out):  # out here, where no exception holds the tensors that filled the memory
            raise torch.OutOfMemoryError("out of memory in one of the processes")

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The others enter once the main process has left: what it leaves on disk they need not make again."""
        if not self.main:
            self.wait()
        yield
        if self.main:
            self.wait()

    def wait(self) -> None:
        """Until all processes are here."""
        self.agree(False)

    def _largest(self, number: int) -> int:
        """A tensor of the CPU, so that no accelerator has to be waited for."""
        if self.size == 1:
            return number
        largest = torch.tensor(number, dtype=torch.int64)
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        return int(largest)

    # Sums.

    def sum(self, tensor: Tensor) -> Tensor:
        """``tensor`` becomes the sum of those of all processes."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Each gradient becomes the sum of those of all processes. FSDP has done so in the backward pass already."""
        if self.size == 1 or self.sharded:
            return
        for bucket in _buckets([parameter.grad for parameter in parameters if parameter.grad is not None]):
            flat = self.sum(torch.cat([gradient.flatten() for gradient in bucket]))
            for gradient, summed in zip(bucket, torch.split(flat, [one.numel() for one in bucket]), strict=True):
                gradient.copy_(summed.view_as(gradient))


ALONE = ProcessGroup()
"""One process: all rows are its own, and it agrees with itself."""


def _buckets(gradients: list[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbouring gradients of at most ``BUCKET`` numbers together, or a single larger one."""
    bucket, filled = list[Tensor](), 0
    for gradient in gradients:
        if bucket and filled + gradient.numel() > BUCKET:
            yield bucket
            bucket, filled = [], 0
        bucket.append(gradient)
        filled += gradient.numel()
    if bucket:
        yield bucket
