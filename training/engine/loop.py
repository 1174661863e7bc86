"""The one training loop: batches, loss, step, log, evaluate, checkpoint, stop. It knows neither models nor data sets."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training import environment
from training.engine import checkpoint as checkpoints
from training.engine import losses
from training.engine.checkpoint import Checkpoint
from training.engine.data.split import Rows
from training.engine.distributed import memory, sharding
from training.engine.distributed.process_group import ALONE, Crew
from training.engine.errors import Diverged, EngineError, Stopped, TooLarge
from training.engine.models import sparse_embeddings
from training.engine.models.inputs import Inputs
from training.engine.models.precision import precision_of
from training.engine.schedule import batches, evenly, lr_factor, steps_per_epoch
from training.engine.selection import Selection
from training.engine.targets.supervisor_labels import Probabilities
from training.events import CheckpointSaved, Event, MetricLogged
from training.spec import RunSpec

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = environment.number("W2S_CHECKPOINT_SECONDS", 30)
CHECKPOINT_PAUSE = 20
"""A checkpoint of a large model takes long: for so many times as long there is no other."""
METRICS = 100


class Loop:
    """Trains ``model`` on ``rows`` of ``inputs`` towards ``labels``: for each row the probability of class 1, or of all classes.

    ``truth`` marks the rows whose labels are known to be true, for a method that asks.
    ``should_stop`` is asked very often and must answer at once. All that can raise Stopped belongs into
    ``with loop.stoppable():``, which saves a checkpoint at ``path`` first.
    """

    def __init__(
        self,
        run: RunSpec,
        model: nn.Module,
        inputs: Inputs,
        rows: Rows,
        labels: Probabilities,
        path: Path,
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
        selection: Selection,
        crew: Crew = ALONE,
        truth: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.crew, self.device = crew, Accelerator().device
        self.model = crew.place(model)
        self.trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        scaled = run.tunes_backbone and precision_of(run) == "fp16"  # small gradients would be lost in fp16
        if scaled and crew.sharded:
            raise EngineError("A model in shards cannot be trained in fp16: choose bf16 or fp32.")
        # One pass over the weights and none of its arrays new; a scaler would skip a step inside of it, unseen from here.
        fused = self.device.type in ("cpu", "cuda") and not scaled
        self.optimiser = torch.optim.AdamW(self.trained, lr=run.lr, weight_decay=run.weight_decay, fused=fused)
        sparse_embeddings.follow(self.model, self.optimiser)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.labels = torch.from_numpy(labels).to(self.device)
        self.truth = None if truth is None else torch.from_numpy(truth).to(self.device)
        self.known: Tensor | None = None  # of the share of the batch that is at work
        self.guessed: tuple[Tensor, Tensor | None] | None = None  # what the last threshold was of
        self.run, self.inputs, self.rows = run, inputs, rows
        self.path, self.emit, self.should_stop, self.selection = path, emit, should_stop, selection
        self.keeps = crew.main or run.adaptation != "full"  # only who writes a large model needs all of its shards
        self.steps_per_epoch = steps_per_epoch(len(rows), run.batch_size)
        self.total = run.epochs * self.steps_per_epoch  # what the schedule of the learning rate is made for
        self.end = self.total if run.stop_at is None else min(run.stop_at, self.total)
        self.step, self.evaluated = 0, -1
        self.loss_sum, self.loss_count = torch.zeros((), device=self.device), 0
        # The last predictions of training, for a threshold over more than a batch: before this step, and with it.
        self.recent = self.newest = torch.zeros(0, device=self.device)
        self.epoch, self.epoch_batches = -1, list[Rows]()
        self.saved_at, self.pause, self.halvings = time.monotonic(), CHECKPOINT_SECONDS, 0

    def fit(self, evaluate: Callable[[int], Event], evaluations: int) -> None:
        """Trains to the last step. ``evaluate`` is called with 0 before the first, then after about ``evaluations`` steps.

        Raises Stopped, and Diverged where the loss is no longer finite.
        """
        evaluated_steps, logged_steps = evenly(evaluations, self.total) | {0, self.end}, evenly(METRICS, self.total)
        while True:
            if self.step in evaluated_steps and self.evaluated < self.step:
                self.emit(evaluate(self.step))
                self.evaluated = self.step
            if self.step == self.end:
                return
            self._heed_stop()
            self._train_step()
            if self.step in logged_steps:
                self._log()
            if self.crew.agree(self.crew.main and time.monotonic() - self.saved_at > self.pause):
                self.save()

    def predict(self, rows: Rows) -> Probabilities:
        """The probability of class 1 for each of ``rows``, or of all classes, as the labels have it. Raises Stopped.

        A reader's is what each costs, in nats per token.
        """
        with torch.no_grad() if self.crew.sharded else torch.inference_mode():
            untrained = self.step == 0 and self.run.head_start == "zero" and self.run.start is None and not self.run.reads
            logits = self._nothing(rows) if untrained else self.crew.gather(self._logits(self.crew.share(rows)), len(rows))
            return (logits if self.run.reads else losses.probabilities(logits)).cpu().numpy()

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        try:
            yield
        except Stopped:
            self.save()
            raise

    def save(self) -> None:
        begun = time.monotonic()
        state = Checkpoint(
            step=self.step,
            evaluated=self.evaluated,
            loss_sum=self.crew.sum(self.loss_sum.clone()).item(),
            loss_count=self.loss_count,
            model=self.weights(),
            optimiser=sharding.whole_state(self.optimiser.state_dict(), self.keeps),
            scaler=self.scaler.state_dict(),
            halvings=self.halvings,
            selection=self.selection.state(),
            recent=self.recent.cpu(),
        )
        if self.crew.main:
            checkpoints.save(self.path, state)
        self.selection.note_saved()
        self.saved_at = time.monotonic()
        self.pause = max(CHECKPOINT_SECONDS, CHECKPOINT_PAUSE * (self.saved_at - begun))
        self.emit(CheckpointSaved(step=self.step))

    def restore(self, state: Checkpoint) -> None:
        self.step, self.evaluated = state["step"], state["evaluated"]
        self.loss_sum.fill_(state["loss_sum"] if self.crew.main else 0)
        self.loss_count = state["loss_count"]
        self.recent = self.newest = state.get("recent", self.recent).to(self.device)
        self.load(state["model"])
        self.optimiser.load_state_dict(sharding.spread_state(state["optimiser"], self.trained))
        self.scaler.load_state_dict(state.get("scaler", {}))
        for _ in range(state.get("halvings", 0)):
            self._halve()
        self.selection.restore(state["selection"])

    def load(self, weights: dict[str, Tensor], *, partly: bool = False) -> None:
        """Puts other weights in the model, by the names of ``weights``; all that it trains, unless ``partly``."""
        found = self.model.load_state_dict(sharding.spread(weights, self.model), strict=not (partly or self._frozen))
        assert not found.unexpected_keys, f"the model has no {found.unexpected_keys[0]}"

    def weights(self) -> dict[str, Tensor]:
        """The model's tensors by name, without those that are frozen. All processes must ask together."""
        tensors, frozen = self.model.state_dict(), self._frozen
        return {name: sharding.whole(tensor, self.keeps) for name, tensor in tensors.items() if name not in frozen}

    @property
    def _frozen(self) -> set[str]:
        named = self.model.named_parameters(remove_duplicate=False)  # a tied weight has two names
        return {name for name, parameter in named if not parameter.requires_grad}

    def _train_step(self) -> None:
        batch, progress = self._batch(), self.step / self.total
        share = self.crew.share(batch)
        rows, labels = self.rows[share], self.labels[torch.from_numpy(share)]
        self.known = None if self.truth is None else self.truth[torch.from_numpy(share)]
        for group in self.optimiser.param_groups:
            group["lr"] = self.run.lr * lr_factor(self.run.schedule, progress)
        loss = None
        while loss is None:  # once, unless memory runs out
            self.optimiser.zero_grad()
            loss = self._gradient(rows, labels, progress, len(batch))
        self.crew.sum_gradients(self.trained)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step, self.recent = self.step + 1, self.newest
        self.loss_sum += loss * len(batch)
        self.loss_count += len(batch)

    def _gradient(self, rows: Rows, labels: Tensor, progress: float, batch: int) -> Tensor | None:
        """Adds the gradient of this process's share of a batch, and returns what the share adds to the mean loss.

        None where memory ran out and parts are smaller now.
        """
        try:
            step = self._in_parts if self.crew.agree(self._too_much(rows)) else self._whole
            return step(rows, labels, progress, batch)
        except RuntimeError as error:
            if not memory.ran_out(error):
                raise
        # Out here, where no exception holds the tensors that filled the memory.
        self._make_room()
        return None

    def _make_room(self) -> None:
        """Halves the parts of batches; a step keeps its batch. Raises TooLarge where they cannot be smaller."""
        self._halve()
        self.optimiser.zero_grad()
        memory.release()
        log.warning("Memory ran out at step %d; batches go through in parts half the size from here on.", self.step)

    def _halve(self) -> None:
        smaller = self.inputs.halved()
        if smaller is None:
            raise TooLarge("Memory runs out for a single text: try LoRA, gradient checkpointing, or fewer tokens of each text.")
        self.inputs, self.halvings = smaller, self.halvings + 1

    def _too_much(self, rows: Rows) -> bool:
        """Whether the states of all parts cannot be kept for one gradient. FSDP wants one for each pass through its layers."""
        return self.crew.sharded or (len(rows) > 0 and not self.inputs.together(rows))

    def _whole(self, rows: Rows, labels: Tensor, progress: float, batch: int) -> Tensor:
        """Forward by parts, so that little padding is computed, and one gradient through all of them."""
        parts = self._parts(rows)
        with self.crew.all_or_none():
            logits = torch.cat([self._forward(rows[part]) for part in parts])
        order = np.concatenate(parts)
        labels = labels[torch.from_numpy(order)]
        target = self._target(labels, logits, progress, batch, order)
        loss = losses.loss(self.run.method, logits, target, progress, self.step)
        if len(rows) < batch:
            loss = loss * (len(rows) / batch)
        with self.crew.all_or_none():
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _target(self, labels: Tensor, logits: Tensor, progress: float, batch: int, order: Rows | None = None) -> Tensor:
        """What a share of a batch is to say. A guess is hardened at a threshold of the whole batch.

        ``order`` are the positions in the share of ``labels`` and ``logits``, where they are in another order.
        """
        method, guesses, prior, truth = self.run.method, None, None, self.known
        if losses.reads_student(method):
            in_order = logits.detach() if order is None else logits.detach()[torch.from_numpy(np.argsort(order))]
            guesses = self.crew.gather(in_order, batch)
        if truth is not None and order is not None:
            truth = truth[torch.from_numpy(order)]
        if losses.uses_prior(method):
            prior = self.crew.sum(labels.sum()) / batch
        if guesses is not None and (size := losses.recent(method)):
            guesses = self.newest = torch.cat([self.recent.to(guesses), guesses])[-size:]
        if guesses is not None and isinstance(method, losses.GUESSING) and guesses.dim() == 1:
            self.guessed = guesses, prior
        return losses.target(method, labels, logits, progress, guesses, step=self.step, prior=prior, truth=truth)

    def _in_parts(self, rows: Rows, labels: Tensor, progress: float, batch: int) -> Tensor:
        """The same for a batch too large for one go. The target is of the whole batch, so a guess needs a pass of its own.

        A stop throws away this step only.
        """
        with torch.no_grad():
            logits = self._logits(rows) if losses.reads_student(self.run.method) else self._nothing(rows)
            target = self._target(labels, logits, progress, batch)
        total = torch.zeros_like(self.loss_sum)
        for part in self.crew.rounds(self._parts(rows)):
            self._heed_stop()
            with self.crew.all_or_none():
                logits, wanted = self._forward(rows[part]), target[torch.from_numpy(part)]
                loss = losses.loss(self.run.method, logits, wanted, progress, self.step) * (len(part) / batch)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _nothing(self, rows: Rows) -> Tensor:
        """Logits of zero, in the shape that those of ``rows`` have."""
        return torch.zeros(len(rows), *self.labels.shape[1:], device=self.device)

    def _logits(self, rows: Rows) -> Tensor:
        """Of this process's rows."""
        logits, left = self._nothing(rows), np.arange(len(rows))
        while self.crew.agree(len(left) > 0):
            left = self._fill(logits, rows, left)
        return logits

    def _fill(self, logits: Tensor, rows: Rows, left: Rows) -> Rows:
        """Puts the logits of ``rows[left]`` in their places. Returns those for which memory ran out."""
        parts = [left[part] for part in self._parts(rows[left])]
        for done, part in enumerate(self.crew.rounds(parts)):
            self._heed_stop()
            try:
                with self.crew.all_or_none():
                    logits[torch.from_numpy(part)] = self._forward(rows[part])
                continue
            except RuntimeError as error:
                if not memory.ran_out(error):
                    raise
            self._make_room()
            return np.concatenate([left[:0], *parts[done:]])
        return left[:0]

    def _parts(self, rows: Rows) -> list[Rows]:
        return self.inputs.parts(rows) if len(rows) else [np.zeros(0, np.int64)]

    def _forward(self, rows: Rows) -> Tensor:
        """Logits of ``rows``. A process without any computes one for nothing: it has a part in the gradient, and in the model."""
        inputs = self.inputs.batch(rows if len(rows) else self.rows[:1])
        logits: Tensor = self.model(*(tensor.to(self.device) for tensor in inputs))
        return logits if len(rows) else logits[:0]

    def _batch(self) -> Rows:
        """Positions in ``self.rows`` of the next batch."""
        epoch, position = divmod(self.step, self.steps_per_epoch)
        if epoch != self.epoch:
            self.epoch, self.epoch_batches = epoch, batches(len(self.rows), self.run.batch_size, self.run.seed, epoch)
        return self.epoch_batches[position]

    def _log(self) -> None:
        """Emits the mean loss since the last time. Here and not at every step, as looking at the loss makes a GPU wait."""
        loss = self.crew.sum(self.loss_sum).item() / self.loss_count
        if not math.isfinite(loss):
            raise Diverged(f"The loss is no longer a finite number at step {self.step}: try a smaller learning rate.")
        done = (self.step - 1) / self.total
        weight = losses.confidence_weight(self.run.method, done, self.step - 1)
        lr = self.run.lr * lr_factor(self.run.schedule, done)
        threshold = torch.sigmoid(losses.threshold(*self.guessed)).item() if self.guessed else None
        self.emit(MetricLogged(step=self.step, loss=loss, lr=lr, confidence_weight=weight, threshold=threshold))
        self.loss_sum.zero_()
        self.loss_count = 0

    def _heed_stop(self) -> None:
        if self.crew.agree(self.should_stop()):
            raise Stopped
