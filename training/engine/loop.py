"""The one training loop: batches, loss, step, log, evaluate, checkpoint, stop. It knows neither models nor data sets."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training.engine import checkpoint as checkpoints
from training.engine import losses, memory, vocabulary
from training.engine.checkpoint import Checkpoint
from training.engine.data.split import Rows
from training.engine.errors import Diverged, Stopped, TooLarge
from training.engine.inputs import Inputs
from training.engine.labels import Probabilities
from training.engine.precision import precision_of
from training.engine.schedule import batches, evenly, lr_factor, steps_per_epoch
from training.engine.selection import Selection
from training.events import CheckpointSaved, Event, MetricLogged
from training.spec import RunSpec

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 30.0
CHECKPOINT_PAUSE = 20
"""A checkpoint of a large model takes long: for so many times as long there is no other."""
METRICS = 100


class Loop:
    """Trains ``model`` on ``rows`` of ``inputs`` towards ``labels``: for each row the probability of class 1, or of all classes.

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
    ) -> None:
        self.accelerator = Accelerator(mixed_precision="no")
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        scaled = run.tunes_backbone and precision_of(run) == "fp16"  # small gradients would be lost in fp16
        # One pass over the weights and none of its arrays new; a scaler would skip a step inside of it, unseen from here.
        fused = self.accelerator.device.type in ("cpu", "cuda") and not scaled
        optimiser = torch.optim.AdamW(trained, lr=run.lr, weight_decay=run.weight_decay, fused=fused)
        vocabulary.follow(model, optimiser)
        self.model, prepared = self.accelerator.prepare(model, optimiser)
        self.optimiser = prepared.optimizer  # the wrapper round it costs a probe much of its step, and our scaler needs none
        self.scaler = torch.amp.GradScaler(self.accelerator.device.type, enabled=scaled)
        self.labels = torch.from_numpy(labels).to(self.accelerator.device)
        self.run, self.inputs, self.rows = run, inputs, rows
        self.path, self.emit, self.should_stop, self.selection = path, emit, should_stop, selection
        self.steps_per_epoch = steps_per_epoch(len(rows), run.batch_size)
        self.total = run.epochs * self.steps_per_epoch
        self.step, self.evaluated = 0, -1
        self.loss_sum, self.loss_count = torch.zeros((), device=self.accelerator.device), 0
        self.epoch, self.epoch_batches = -1, list[Rows]()
        self.saved_at, self.pause, self.halvings = time.monotonic(), CHECKPOINT_SECONDS, 0

    def fit(self, evaluate: Callable[[int], Event], evaluations: int) -> None:
        """Trains to the last step. ``evaluate`` is called with 0 before the first, then after about ``evaluations`` steps.

        Raises Stopped, and Diverged where the loss is no longer finite.
        """
        evaluated_steps, logged_steps = evenly(evaluations, self.total) | {0}, evenly(METRICS, self.total)
        while True:
            if self.step in evaluated_steps and self.evaluated < self.step:
                self.emit(evaluate(self.step))
                self.evaluated = self.step
            if self.step == self.total:
                return
            self._heed_stop()
            self._train_step()
            if self.step in logged_steps:
                self._log()
            if time.monotonic() - self.saved_at > self.pause:
                self.save()

    def predict(self, rows: Rows) -> Probabilities:
        """The probability of class 1 for each of ``rows``, or of all classes, as the labels have it. Raises Stopped."""
        with torch.inference_mode():
            untrained = self.step == 0 and self.run.head_start == "zero"
            return losses.probabilities(self._nothing(rows) if untrained else self._logits(rows)).cpu().numpy()

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
            loss_sum=self.loss_sum.item(),
            loss_count=self.loss_count,
            model=self.weights(),
            optimiser=self.optimiser.state_dict(),
            scaler=self.scaler.state_dict(),
            halvings=self.halvings,
            selection=self.selection.state(),
        )
        checkpoints.save(self.path, state)
        self.selection.note_saved()
        self.saved_at = time.monotonic()
        self.pause = max(CHECKPOINT_SECONDS, CHECKPOINT_PAUSE * (self.saved_at - begun))
        self.emit(CheckpointSaved(step=self.step))

    def restore(self, state: Checkpoint) -> None:
        self.step, self.evaluated = state["step"], state["evaluated"]
        self.loss_sum.fill_(state["loss_sum"])
        self.loss_count = state["loss_count"]
        self.load(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state.get("scaler", {}))
        for _ in range(state.get("halvings", 0)):
            self._halve()
        self.selection.restore(state["selection"])

    def load(self, weights: dict[str, Tensor]) -> None:
        """Puts other weights in the model, by the names of ``weights``."""
        self.accelerator.unwrap_model(self.model).load_state_dict(weights, strict=not self._frozen)

    def weights(self) -> dict[str, Tensor]:
        """The model's tensors by name, without those that are frozen."""
        weights: dict[str, Tensor] = self.accelerator.unwrap_model(self.model).state_dict()
        return {name: tensor for name, tensor in weights.items() if name not in self._frozen}

    @property
    def _frozen(self) -> set[str]:
        model = self.accelerator.unwrap_model(self.model)
        return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}

    def _train_step(self) -> None:
        batch, progress = self._batch(), self.step / self.total
        rows, labels = self.rows[batch], self.labels[torch.from_numpy(batch)]
        for group in self.optimiser.param_groups:
            group["lr"] = self.run.lr * lr_factor(self.run.schedule, progress)
        loss = None
        while loss is None:  # once, unless memory runs out
            self.optimiser.zero_grad()
            loss = self._gradient(rows, labels, progress)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        self.loss_sum += loss * len(rows)
        self.loss_count += len(rows)

    def _gradient(self, rows: Rows, labels: Tensor, progress: float) -> Tensor | None:
        """Adds the gradient of a batch, and returns its mean loss; None where memory ran out and parts are smaller now."""
        try:
            step = self._whole if self.inputs.together(rows) else self._in_parts
            return step(rows, labels, progress)
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

    def _whole(self, rows: Rows, labels: Tensor, progress: float) -> Tensor:
        """Forward by parts, so that little padding is computed, and one gradient through all of them."""
        parts = self.inputs.parts(rows)
        logits = torch.cat([self._forward(rows[part]) for part in parts])
        labels = labels[torch.from_numpy(np.concatenate(parts))]
        loss = losses.cross_entropy(logits, losses.target(self.run.method, labels, logits, progress))
        self._backward(loss)
        return loss.detach()

    def _in_parts(self, rows: Rows, labels: Tensor, progress: float) -> Tensor:
        """The same for a batch too large for one go. The target is of the whole batch, so a guess needs a pass of its own.

        A stop throws away this step only.
        """
        target = labels
        if losses.uses_guess(self.run.method):
            with torch.no_grad():
                target = losses.target(self.run.method, labels, self._logits(rows), progress)
        total = torch.zeros_like(self.loss_sum)
        for part in self.inputs.parts(rows):
            self._heed_stop()
            loss = losses.cross_entropy(self._forward(rows[part]), target[torch.from_numpy(part)]) * (len(part) / len(rows))
            self._backward(loss)
            total += loss.detach()
        return total

    def _nothing(self, rows: Rows) -> Tensor:
        """Logits of zero, in the shape that those of ``rows`` have."""
        return torch.zeros(len(rows), *self.labels.shape[1:], device=self.accelerator.device)

    def _logits(self, rows: Rows) -> Tensor:
        logits = self._nothing(rows)
        parts = self.inputs.parts(rows)[::-1]
        while parts:
            self._heed_stop()
            part = parts.pop()
            try:
                logits[torch.from_numpy(part)] = self._forward(rows[part])
                continue
            except RuntimeError as error:
                if not memory.ran_out(error):
                    raise
            self._make_room()
            left = np.concatenate([part, *parts])
            parts = [left[smaller] for smaller in self.inputs.parts(rows[left])][::-1]
        return logits

    def _backward(self, loss: Tensor) -> None:
        self.accelerator.backward(self.scaler.scale(loss))

    def _forward(self, rows: Rows) -> Tensor:
        device = self.accelerator.device
        logits: Tensor = self.model(*(tensor.to(device) for tensor in self.inputs.batch(rows)))
        return logits

    def _batch(self) -> Rows:
        """Positions in ``self.rows`` of the next batch."""
        epoch, position = divmod(self.step, self.steps_per_epoch)
        if epoch != self.epoch:
            self.epoch, self.epoch_batches = epoch, batches(len(self.rows), self.run.batch_size, self.run.seed, epoch)
        return self.epoch_batches[position]

    def _log(self) -> None:
        """Emits the mean loss since the last time. Here and not at every step, as looking at the loss makes a GPU wait."""
        loss = self.loss_sum.item() / self.loss_count
        if not math.isfinite(loss):
            raise Diverged(f"The loss is no longer a finite number at step {self.step}: try a smaller learning rate.")
        done = (self.step - 1) / self.total
        weight = losses.confidence_weight(self.run.method, done)
        lr = self.run.lr * lr_factor(self.run.schedule, done)
        self.emit(MetricLogged(step=self.step, loss=loss, lr=lr, confidence_weight=weight))
        self.loss_sum.zero_()
        self.loss_count = 0

    def _heed_stop(self) -> None:
        if self.should_stop():
            raise Stopped
