"""The writing of answers to many prompts: batches of similar lengths, shared by the processes of a group."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from training.engine.data.split import Rows
from training.engine.distributed import memory
from training.engine.distributed.process_group import ProcessGroup
from training.engine.errors import TooLarge
from training.engine.generation.decoding import Decoded, Decoder, Sampling
from training.engine.models.inputs import Ragged
from training.engine.models.sizes import Size

CPU_BYTES, GPU_BYTES = 2**28, 2**32
"""Memory that the cache of a batch, and the logits of its tokens, may take."""
CPU_WORK = 4e11
"""Operations of a batch on a CPU, several seconds on two cores: progress and checkpoints are between batches."""
MOST_ROWS = {"cpu": 256, "cuda": 1024}

Samples = Callable[[Rows], Sampling]
"""Returns how the answers at these positions are sampled."""


def do_nothing(done: Decoded) -> None:
    """Keep nothing of the answers so far."""


@dataclass(frozen=True)
class Writer:
    """Answers by ``decoder`` to ``prompts`` of a model of ``size`` and with a ``vocabulary`` of so many tokens.

    ``check_stop`` raises Stopped in all processes of the group; it is called between batches, and within them by the decoder.
    """

    decoder: Decoder
    prompts: Ragged
    size: Size
    vocabulary: int
    process_group: ProcessGroup
    check_stop: Callable[[], None]

    def write(
        self,
        rows: Rows,
        before: Decoded | None = None,
        on_batch: Callable[[Decoded], None] = do_nothing,
        sampling: Samples | None = None,
    ) -> Decoded:
        """Return the answers to ``rows``, in their order. Raises Stopped, TooLarge.

        Answers are greedy without ``sampling``, which is called with positions in ``rows``. ``on_batch`` gets the answers so far
        in the order of writing; ``before`` are such answers of an interrupted call.
        """
        order, ends = self._batches(rows)
        done = self._whole_batches(before or Decoded.nothing(self.decoder.most), ends)
        starts = [0, *ends]
        batches = [order[start:end] for start, end in zip(starts, ends, strict=False) if start >= len(done)]
        group = self.process_group
        for first in range(0, len(batches), group.size):
            self.check_stop()
            shares = batches[first : first + group.size]
            done = done.followed_by(self._round(rows, shares, sampling))
            on_batch(done)
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows))
        return done.take(place)

    def _round(self, rows: Rows, shares: list[Rows], sampling: Samples | None) -> Decoded:
        """Return the answers to one batch for each process, each written by its own."""
        group = self.process_group
        own = shares[group.rank] if group.rank < len(shares) else rows[:0]
        written = self._decode(rows, own, sampling) if len(own) else Decoded.nothing(self.decoder.most)
        if group.size == 1:
            return written
        start, total = sum(map(len, shares[: group.rank])), sum(map(len, shares))
        tokens, log_probability = torch.zeros(total, self.decoder.most, dtype=torch.int32), torch.zeros(total)
        tokens[start : start + len(own)] = torch.from_numpy(written.tokens)
        log_probability[start : start + len(own)] = torch.from_numpy(written.log_probability)
        device = self.decoder.device
        return Decoded(*(group.sum(part.to(device)).cpu().numpy() for part in (tokens, log_probability)))

    def _decode(self, rows: Rows, own: Rows, sampling: Samples | None) -> Decoded:
        """Return the answers to ``rows[own]``, in halves where memory runs out."""
        try:
            return self.decoder.decode(self.prompts, rows[own], sampling(own) if sampling else None)
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
        if len(own) == 1:
            raise TooLarge("Memory runs out for a single answer: try fewer tokens of prompts and answers.")
        memory.release()
        first, second = np.array_split(own, 2)
        return self._decode(rows, first, sampling).followed_by(self._decode(rows, second, sampling))

    def _batches(self, rows: Rows) -> tuple[Rows, list[int]]:
        """Return the order of ``rows`` by length, and the end of each batch in it: they depend on nothing else."""
        lengths = self.prompts.lengths[rows]
        order, ends = np.argsort(lengths, kind="stable"), list[int]()
        while (start := ends[-1] if ends else 0) < len(rows):
            end = start + 1
            while end < len(rows) and end - start < self._most_rows(int(lengths[order[end]])):
                end += 1
            ends.append(end)
        return order, ends

    def _most_rows(self, longest: int) -> int:
        """Return the most rows of a batch whose longest prompt has so many tokens."""
        tokens, on_cpu = longest + self.decoder.most, self.decoder.device.type == "cpu"
        layers, width = self.size.layers, self.size.width
        cache, logits = 8 * layers * width * tokens, 12 * self.vocabulary
        most = (CPU_BYTES if on_cpu else GPU_BYTES) // (cache + logits)
        if on_cpu:
            weights = 12 * layers * width**2
            most = min(most, int(CPU_WORK / (2 * (weights * tokens + self.vocabulary * width * self.decoder.most))))
        return max(1, min(most, MOST_ROWS["cpu" if on_cpu else "cuda"]))

    def _whole_batches(self, done: Decoded, ends: list[int]) -> Decoded:
        whole = max((end for end in ends if end <= len(done)), default=0)
        return done.take(np.arange(whole))
