"""The heads of several runs as one stack of weights, and one step of all of them as a few operations on it.

Runs in a stack share nothing but the time: each has its own batch, loss, learning rate and number of steps. Every product and sum
that gives a number of a run is over the run's own numbers, in an order that does not depend on the other runs, so that on a CPU a
run has the same bits alone and beside others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from training.engine import losses
from training.engine.data.split import Rows
from training.engine.device_copies import to_device
from training.engine.heads.vectors import Vectors
from training.engine.logits import binary
from training.engine.schedule import batches, logged_steps, lr_factor, step_counts, steps_per_epoch
from training.engine.step_losses import StepLosses
from training.engine.targets.training_set import TrainingSet
from training.spec import RunSpec
from training.spec.methods import Learning

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""AdamW's, as torch has them by default."""
LANES = 32
"""Numbers that torch's CPU kernels take at once: two vectors of 16. What is left at the end of an array may get other last bits,
so arrays of several runs have a multiple of them.
"""


class Head:
    """One run's head in training: its weights and AdamW's moments, which are rows of a stack, and its batches.

    ``weights`` are the layer's weight, row by row, then its bias, then zeros up to a multiple of ``LANES``.
    """

    def __init__(self, run: RunSpec, weight: Tensor, bias: Tensor, training_set: TrainingSet, device: torch.device) -> None:
        self.run, self.outputs = run, len(bias)
        self.rows = training_set.rows
        self.labels = torch.from_numpy(training_set.labels).to(device)
        self.truth = None if training_set.truth is None else torch.from_numpy(training_set.truth).to(device)
        self.weights = _filled_up(torch.cat([weight.detach().flatten(), bias.detach()]).to(device))
        self.width = weight.shape[1]
        self.mean, self.square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.loss_sum, self.loss_count = torch.zeros((), device=device), 0
        self.total, self.end = step_counts(run, len(self.rows))
        self.logged_steps = logged_steps(self.total)
        self.losses = StepLosses(self.logged_steps, device)
        self.step = 0
        self.method = run.method.model_dump_json()
        # The last predictions of training, for a threshold over several batches.
        self.recent = torch.zeros(0, device=device)
        self._steps_per_epoch = steps_per_epoch(len(self.rows), run.batch_size)
        self._epoch, self._places, self._sizes = -1, np.zeros((0, 0), np.int64), list[int]()

    @property
    def places(self) -> int:
        """Return the places of a batch, one more than its usual size; those that a batch does not fill have no loss."""
        return min(self.run.batch_size, len(self.rows)) + 1

    def layer(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the places of the weight (outputs, width) and the bias (outputs,) in ``values``, which are like ``weights``."""
        end = self.outputs * self.width
        return values[:end].view(self.outputs, -1), values[end : end + self.outputs]

    def batch(self) -> tuple[Rows, int]:
        """Return the positions in ``rows`` of the next batch, filled up with zeros to ``places``, and its size."""
        epoch, step = divmod(self.step, self._steps_per_epoch)
        if epoch != self._epoch:
            order = batches(len(self.rows), self.run.batch_size, self.run.seed, epoch)
            self._epoch, self._sizes = epoch, list(map(len, order))
            self._places = np.zeros((len(order), self.places), np.int64)
            for filled, batch in zip(self._places, order, strict=True):
                filled[: len(batch)] = batch
        return self._places[step], self._sizes[step]

    @property
    def progress(self) -> float:
        return self.step / self.total

    def lr(self, step: int) -> float:
        """Return the learning rate after ``step`` steps."""
        return self.run.lr * lr_factor(self.run.schedule, step / self.total)


@dataclass
class Part:
    """Heads of one method with batches of one size, whose losses are computed together; ``index`` are their places in the stack.

    ``guesses`` (heads, n) are the logits that their thresholds were taken over in the last step, with its ``labels``.
    """

    method: Learning
    size: int
    heads: list[Head] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    guesses: Tensor | None = None
    labels: Tensor | None = None

    @cached_property
    def places(self) -> Tensor:
        """Return ``index`` as a tensor."""
        return torch.tensor(self.index)

    @cached_property
    def repeats(self) -> Tensor | None:
        """Return which heads to take, some again, for a multiple of ``LANES`` numbers in all; None for each once."""
        count, multiple = len(self.heads), LANES // math.gcd(self.size, LANES)
        missing = -count % multiple
        return torch.arange(count + missing) % count if missing else None


class Stack:
    """The stack of ``heads`` with equally many places and outputs. It moves their weights and moments into rows of its own."""

    def __init__(self, heads: Sequence[Head], vectors: Vectors) -> None:
        self.heads, self.vectors = heads, vectors
        self.outputs, self.device = heads[0].outputs, heads[0].weights.device
        self.weights, self.mean, self.square, self.loss_sum = (
            torch.stack([getattr(head, name) for head in heads]) for name in ("weights", "mean", "square", "loss_sum")
        )
        rows = zip(self.weights, self.mean, self.square, self.loss_sum, strict=True)
        for head, (weights, mean, square, loss_sum) in zip(heads, rows, strict=True):
            head.weights, head.mean, head.square, head.loss_sum = weights, mean, square, loss_sum
        self.losses = pad_sequence([head.losses.values for head in heads], batch_first=True)
        for head, row in zip(heads, self.losses, strict=True):
            head.losses.values = row
        self._index = torch.arange(len(heads), device=self.device)
        lengths = [len(head.rows) for head in heads]
        self.starts = (np.cumsum(lengths) - lengths)[:, None]
        self.rows = np.concatenate([head.rows for head in heads])
        self.labels = torch.cat([head.labels for head in heads])
        nothing = [torch.zeros(length, dtype=torch.bool, device=self.device) for length in lengths]
        self.truth = torch.cat([none if head.truth is None else head.truth for head, none in zip(heads, nothing, strict=True)])
        self._parts = dict[tuple[int, ...], list[Part]]()
        self._last = list[Part]()

    def step(self) -> None:
        """Make one step of every head."""
        chosen, sizes = zip(*(head.batch() for head in self.heads), strict=True)
        places = np.stack(chosen) + self.starts
        vectors = to_device(self.vectors.of(self.rows[places].ravel()), self.device).view(*places.shape, -1)
        logits = self._logits(vectors).requires_grad_()
        loss = self._losses(logits, torch.from_numpy(places), sizes)
        (slope,) = torch.autograd.grad(loss.sum(), logits)
        self._descend(self._gradient(slope, vectors))
        counts, places_of_losses = torch.tensor([sizes, [head.losses.count for head in self.heads]], device=self.device)
        self.loss_sum += loss.detach() * counts
        self.losses[self._index, places_of_losses] = loss.detach().to(self.losses.dtype)
        for head, size in zip(self.heads, sizes, strict=True):
            head.step += 1
            head.loss_count += size
            head.losses.count += 1

    def _logits(self, vectors: Tensor) -> Tensor:
        """Return the logits (heads, places) or (heads, places, K) of ``vectors`` (heads, places, width), without a gradient."""
        end = self.outputs * vectors.shape[2]
        weight = self.weights[:, :end].view(len(self.heads), self.outputs, -1)
        # In this order, as torch.bmm computes a single product of the other one in another way than several.
        logits = torch.bmm(weight, vectors.transpose(1, 2))
        if self.vectors.biased:
            logits += self.weights[:, end : end + self.outputs, None]
        return logits.squeeze(1) if self.outputs == 1 else logits.transpose(1, 2).contiguous()

    def _gradient(self, slope: Tensor, vectors: Tensor) -> Tensor:
        """Return the gradient of the weights (heads, weights) from that of the logits."""
        by_output = slope[:, None] if self.outputs == 1 else slope.transpose(1, 2).contiguous()
        of_bias = by_output.sum(dim=2)
        if not self.vectors.biased:
            of_bias = torch.zeros_like(of_bias)
        return _filled_up(torch.cat([torch.bmm(by_output, vectors).flatten(1), of_bias], dim=1))

    def _losses(self, logits: Tensor, places: Tensor, sizes: tuple[int, ...]) -> Tensor:
        """Return the loss (heads,) of every head on its batch."""
        self._last = self._parts_of(sizes)
        by_part = list[Tensor]()
        for part in self._last:
            own = slice(None) if len(self._last) == 1 else part.places
            rows = places[own][:, : part.size]
            truth = None if part.heads[0].truth is None else self.truth[rows]
            by_part.append(_loss(part, logits[own][:, : part.size], self.labels[rows], truth))
        if len(by_part) == 1:
            return by_part[0]
        return torch.cat(by_part)[torch.cat([part.places for part in self._last]).argsort()]

    def threshold(self, head: Head) -> float | None:
        """Return the probability above which the guess of ``head`` was 1 in the last step; None for methods without a guess."""
        if not isinstance(head.run.method, losses.GUESSING) or self.outputs > 1:
            return None
        part = next(part for part in self._last if head in part.heads)
        assert part.guesses is not None
        assert part.labels is not None
        place = part.heads.index(head)
        prior = part.labels[place].mean() if losses.uses_prior(part.method) else None
        return torch.sigmoid(losses.threshold(part.guesses[place], prior)).item()

    def _parts_of(self, sizes: tuple[int, ...]) -> list[Part]:
        """Return the heads by method and size of batch. A head whose threshold reads earlier batches is alone."""
        if sizes not in self._parts:
            parts = dict[tuple[object, ...], Part]()
            for place, (head, size) in enumerate(zip(self.heads, sizes, strict=True)):
                name = head.method, size, place if losses.recent(head.run.method) else None
                part = parts.setdefault(name, Part(head.run.method, size))
                part.heads.append(head)
                part.index.append(place)
            self._parts[sizes] = list(parts.values())
        return self._parts[sizes]

    def _descend(self, gradient: Tensor) -> None:
        """Update the weights by AdamW (Loshchilov and Hutter 2019), whose step and rate in torch are one for all."""
        steps = np.array([head.step for head in self.heads])
        rates = np.array([head.lr(head.step) for head in self.heads])
        shares = 1 - rates * [head.run.weight_decay for head in self.heads]
        (first, second), corrections = BETAS, [1 - beta ** (steps + 1) for beta in BETAS]
        scale, share, spread = map(self._column, (rates / corrections[0], shares, np.sqrt(corrections[1])))
        self.weights.mul_(share)
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        self.weights.sub_(scale * self.mean / (self.square.sqrt() / spread + EPSILON))

    def _column(self, numbers: np.ndarray[Any, np.dtype[np.float64]]) -> Tensor:
        return torch.from_numpy(numbers.astype(np.float32)[:, None]).to(self.device)


def _filled_up(values: Tensor) -> Tensor:
    """Return ``values`` with zeros at the end of the last dimension, up to a multiple of ``LANES``."""
    return F.pad(values, (0, -values.shape[-1] % LANES))


def _loss(part: Part, logits: Tensor, labels: Tensor, truth: Tensor | None) -> Tensor:
    """Return the loss (heads,) of the heads of ``part`` by one call of its method's functions for all of them."""
    method, part.guesses, part.labels = part.method, logits.detach(), labels
    weight = torch.tensor(
        [losses.own_weight(method, head.progress, head.step) for head in part.heads], dtype=torch.float64, device=logits.device
    )
    if (size := losses.recent(method)) and binary(logits[0]):
        (head,) = part.heads
        head.recent = torch.cat([head.recent, part.guesses[0]])[-size:]
        part.guesses = head.recent[None]
    arguments = [weight, logits, labels, part.guesses, *([] if truth is None else [truth])]
    if part.repeats is not None:
        arguments = [argument[part.repeats] for argument in arguments]
    return torch.vmap(partial(_loss_of_head, method))(*arguments)[: len(part.heads)]


def _loss_of_head(
    method: Learning, weight: Tensor, logits: Tensor, labels: Tensor, batch: Tensor, truth: Tensor | None = None
) -> Tensor:
    target = losses.weighted_target(method, labels, logits, weight, batch, truth=truth)
    return losses.weighted_loss(method, logits, target, weight)
