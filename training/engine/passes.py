"""Forward and backward passes of batches, in parts that fit into memory, by all processes of a group together."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.engine import losses
from training.engine.data.split import Rows
from training.engine.device_copies import to_device
from training.engine.distributed import memory
from training.engine.distributed.process_group import ProcessGroup
from training.engine.errors import TooLarge
from training.engine.logits import binary
from training.engine.models.inputs import Inputs
from training.spec import RunSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """This process's share of the batch of one step: ``rows`` (n,) with their ``labels``, of ``batch`` rows in all processes.

    ``truth`` (n,) marks the rows whose label is known to be true, None where the method does not use it. ``progress`` is the
    completed share of the training.
    """

    rows: Rows
    labels: Tensor
    truth: Tensor | None
    batch: int
    step: int
    progress: float


class Passes:
    """Passes of ``inputs`` through ``model``. Labels and logits of a row have the shape ``shape``: (), or (K,) with K > 2.

    ``any_row`` (1,) is computed by a process without rows of its own. ``free`` drops the gradients of a failed pass.
    ``check_stop`` raises Stopped.
    """

    def __init__(
        self,
        run: RunSpec,
        model: nn.Module,
        inputs: Inputs,
        shape: tuple[int, ...],
        any_row: Rows,
        device: torch.device,
        process_group: ProcessGroup,
        scaler: torch.amp.GradScaler,
        free: Callable[[], None],
        check_stop: Callable[[], None],
    ) -> None:
        self.model, self.inputs, self.shape, self.any_row = model, inputs, shape, any_row
        self.method = losses.method_of(run)
        self.device, self.process_group, self.scaler = device, process_group, scaler
        self.free, self.check_stop = free, check_stop
        self.halvings = 0
        # The last predictions of training, for a threshold over several batches: before this step, and with it.
        self.recent = self.newest = torch.zeros(0, device=device)
        self.guessed: tuple[Tensor, Tensor | None] | None = None  # the inputs of the last threshold

    def gradient(self, share: Share) -> Tensor | None:
        """Add the gradient of this process's share of a batch, and return the share's part of the mean loss.

        Returns None where memory ran out and parts are smaller now.
        """
        try:
            return (self._in_parts if self.process_group.agree(self._exceeds_memory(share.rows)) else self._whole)(share)
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
        # Outside the handler, where no exception holds the tensors that filled the memory.
        self._shrink_parts(share.step)
        return None

    def accept(self) -> None:
        """Complete the step: the student's predictions in it count for later thresholds."""
        self.recent = self.newest

    def logits(self, rows: Rows, step: int) -> Tensor:
        """Return the logits of this process's rows, without a gradient. Raises Stopped."""
        logits, left = self.zeros(rows), np.arange(len(rows))
        while self.process_group.agree(len(left) > 0):
            left = self._fill(logits, rows, left, step)
        return logits

    def zeros(self, rows: Rows) -> Tensor:
        """Return logits of zero, in the shape of those of ``rows``."""
        return torch.zeros(len(rows), *self.shape, device=self.device)

    def restore(self, halvings: int, recent: Tensor | None) -> None:
        """Continue with the state of a checkpoint."""
        for _ in range(halvings):
            self._halve()
        if recent is not None:
            self.recent = self.newest = recent.to(self.device)

    def _exceeds_memory(self, rows: Rows) -> bool:
        """Return whether the states of all parts exceed memory for one gradient. FSDP needs one gradient per pass."""
        return self.process_group.sharded or (len(rows) > 0 and not self.inputs.together(rows))

    def _whole(self, share: Share) -> Tensor:
        """Compute the forward pass in parts, with little padding, and one gradient through all of them."""
        parts = self._parts(share.rows)
        with self.process_group.all_or_none():
            logits = torch.cat([self._forward(share.rows[part]) for part in parts])
        order = np.concatenate(parts)
        target = self._target(share, share.labels[self._places(order)], logits, order)
        loss = losses.loss(self.method, logits, target, share.progress, share.step)
        if len(share.rows) < share.batch:
            loss = loss * (len(share.rows) / share.batch)
        with self.process_group.all_or_none():
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _in_parts(self, share: Share) -> Tensor:
        """Do the same for a batch too large for one gradient. A guess needs a forward pass first, for the whole batch's target.

        A stop discards this step only.
        """
        with torch.no_grad():
            reads = losses.reads_student(self.method)
            logits = self.logits(share.rows, share.step) if reads else self.zeros(share.rows)
            target = self._target(share, share.labels, logits)
        total = torch.zeros((), device=self.device)
        for part in self.process_group.rounds(self._parts(share.rows)):
            self.check_stop()
            with self.process_group.all_or_none():
                logits, part_target = self._forward(share.rows[part]), target[self._places(part)]
                loss = losses.loss(self.method, logits, part_target, share.progress, share.step) * (len(part) / share.batch)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _target(self, share: Share, labels: Tensor, logits: Tensor, order: Rows | None = None) -> Tensor:
        """Return the target of a share of a batch. A guess is hardened at a threshold of the whole batch.

        ``order`` are the positions in the share of ``labels`` and ``logits``, if they are permuted.
        """
        method, guesses, prior, truth = self.method, None, None, share.truth
        if losses.reads_student(method):
            in_order = logits.detach() if order is None else logits.detach()[self._places(np.argsort(order))]
            guesses = self.process_group.gather(in_order, share.batch)
        if truth is not None and order is not None:
            truth = truth[self._places(order)]
        if losses.uses_prior(method):
            prior = self.process_group.sum(labels.sum(dim=0)) / share.batch
        if guesses is not None and (size := losses.recent(method)):
            guesses = self.newest = torch.cat([self.recent.to(guesses), guesses])[-size:]
        if guesses is not None and isinstance(method, losses.GUESSING) and binary(guesses):
            self.guessed = guesses, prior
        return losses.target(method, labels, logits, share.progress, guesses, step=share.step, prior=prior, truth=truth)

    def _fill(self, logits: Tensor, rows: Rows, left: Rows, step: int) -> Rows:
        """Write the logits of ``rows[left]`` to their places, and return the positions for which memory ran out."""
        parts = [left[part] for part in self._parts(rows[left])]
        for done, part in enumerate(self.process_group.rounds(parts)):
            self.check_stop()
            try:
                with self.process_group.all_or_none():
                    logits[self._places(part)] = self._forward(rows[part])
                continue
            except RuntimeError as error:
                if not memory.ran_out(error):
                    raise
            self._shrink_parts(step)
            return np.concatenate([left[:0], *parts[done:]])
        return left[:0]

    def _places(self, positions: Rows) -> Tensor:
        """Return ``positions`` as an index on the device; one in this process's memory would have a GPU wait for its copy."""
        return to_device(torch.from_numpy(positions), self.device)

    def _parts(self, rows: Rows) -> list[Rows]:
        return self.inputs.parts(rows) if len(rows) else [np.zeros(0, np.int64)]

    def _forward(self, rows: Rows) -> Tensor:
        """Return the logits of ``rows``. A process without rows computes one anyway, to take part in collectives."""
        inputs = self.inputs.batch(rows if len(rows) else self.any_row)
        logits: Tensor = self.model(*(to_device(tensor, self.device) for tensor in inputs))
        return logits if len(rows) else logits[:0]

    def _shrink_parts(self, step: int) -> None:
        """Halve the parts of batches; a step keeps its batch. Raises TooLarge where they cannot be smaller."""
        self._halve()
        self.free()
        memory.release()
        log.warning("Memory ran out at step %d; batches go through in parts half the size from here on.", step)

    def _halve(self) -> None:
        smaller = self.inputs.halved()
        if smaller is None:
            raise TooLarge("Memory runs out for a single text: try LoRA, gradient checkpointing, or fewer tokens of each text.")
        self.inputs, self.halvings = smaller, self.halvings + 1
