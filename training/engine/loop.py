"""The training loop: batches, loss, step, log, evaluate, checkpoint, stop. It is independent of models and data sets."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training import environment
from training.engine import losses, step_losses
from training.engine.checkpoint import Checkpoint, CheckpointFile, Written
from training.engine.data.split import Rows
from training.engine.device_copies import to_device
from training.engine.distributed import sharding
from training.engine.distributed.process_group import ALONE, ProcessGroup
from training.engine.errors import EngineError, Stopped
from training.engine.logits import probabilities
from training.engine.models import sparse_embeddings
from training.engine.models.inputs import Inputs
from training.engine.models.precision import precision_of
from training.engine.passes import Passes, Share
from training.engine.schedule import batches, evenly, examples_seen, logged_steps, lr_factor, step_counts, steps_per_epoch
from training.engine.selection import Selection
from training.engine.step_losses import StepLosses
from training.engine.targets.training_set import TrainingSet
from training.events import CheckpointSaved, Event, MetricLogged
from training.spec import RunSpec
from training.storage.probabilities import Probabilities

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = environment.number("W2S_CHECKPOINT_SECONDS", 30)
CHECKPOINT_PAUSE = 20
"""Pause between checkpoints as a multiple of the time that one takes, which is long for a large model."""


class Loop:
    """The training of ``model`` on ``training_set``; ``inputs`` has the texts or features of its rows.

    ``should_stop`` is called very often and must be fast. Calls that may raise Stopped belong into ``with loop.stoppable():``,
    which saves a checkpoint in ``file`` first.
    """

    def __init__(
        self,
        run: RunSpec,
        model: nn.Module,
        inputs: Inputs,
        training_set: TrainingSet,
        file: CheckpointFile,
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
        selection: Selection,
        process_group: ProcessGroup = ALONE,
    ) -> None:
        self.process_group, self.device = process_group, Accelerator().device
        self.model = process_group.place(model)
        self.trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        scaled = run.tunes_backbone and precision_of(run) == "fp16"  # small gradients would be lost in fp16
        if scaled and process_group.sharded:
            raise EngineError("A model in shards cannot be trained in fp16: choose bf16 or fp32.")
        # Fused: one pass over the weights without new arrays. With a scaler, it would skip steps without this class noticing.
        fused = self.device.type in ("cpu", "cuda") and not scaled
        self.optimiser = torch.optim.AdamW(self.trained, lr=run.lr, weight_decay=run.weight_decay, fused=fused)
        sparse_embeddings.decay_unused_rows(self.model, self.optimiser)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.run, self.rows = run, training_set.rows
        self.labels = torch.from_numpy(training_set.labels).to(self.device)
        self.truth = None if training_set.truth is None else torch.from_numpy(training_set.truth).to(self.device)
        self.file, self.emit, self.should_stop, self.selection = file, emit, should_stop, selection
        self.passes = Passes(
            run,
            self.model,
            inputs,
            tuple(self.labels.shape[1:]),
            self.rows[:1],
            self.device,
            process_group,
            self.scaler,
            self.optimiser.zero_grad,
            self.check_stop,
        )
        self.keeps = process_group.main or run.adaptation != "full"  # only the writing process needs all shards
        self.steps_per_epoch = steps_per_epoch(len(self.rows), run.batch_size)
        self.total, self.end = step_counts(run, len(self.rows))
        self.step, self.evaluated = 0, -1
        self.logged_steps = logged_steps(self.total)
        self.loss_sum, self.loss_count = torch.zeros((), device=self.device), 0
        self.losses = StepLosses(self.logged_steps, self.device)
        self.written: Written | None = None
        self.epoch, self.epoch_batches = -1, list[Rows]()
        self.saved_at, self.pause = time.monotonic(), CHECKPOINT_SECONDS

    def fit(self, evaluate: Callable[[int], Event], evaluations: int) -> None:
        """Train to the last step. ``evaluate`` is called with 0 before the first step, then after about ``evaluations`` steps.

        Raises Stopped, and Diverged where the loss is no longer finite.
        """
        evaluated_steps = evenly(evaluations, self.total) | {0, self.end}
        while True:
            if self.step in evaluated_steps and self.evaluated < self.step:
                self._check_finite(self.process_group.sum(self.losses.since_logged.clone()).cpu())
                self.emit(evaluate(self.step))
                self.evaluated = self.step
            if self.step == self.end:
                return
            self.check_stop()
            self._train_step()
            if self.step in self.logged_steps:
                self._log()
            self.save_if_due()

    def predict(self, rows: Rows) -> Probabilities:
        """Return the probability of class 1 for each of ``rows``, or of all classes, in the shape of the labels. Raises Stopped.

        For a run that learns texts or answers it is the cost of each, in nats per token.
        """
        with torch.no_grad() if self.process_group.sharded else torch.inference_mode():
            costs = self.run.models_language
            untrained = self.step == 0 and self.run.head_start == "zero" and self.run.start is None and not costs
            if untrained:
                logits = self.passes.zeros(rows)
            else:
                share = self.passes.logits(self.process_group.share(rows), self.step)
                logits = self.process_group.gather(share, len(rows))
            return (logits if costs else probabilities(logits)).cpu().numpy()

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        try:
            yield
        except Stopped:
            self.save()
            raise

    def save_if_due(self) -> None:
        """Save a checkpoint where the last one is older than the pause between two."""
        if self.process_group.agree(self.process_group.main and time.monotonic() - self.saved_at > self.pause):
            self.save()

    def save(self) -> None:
        begun = time.monotonic()
        state = Checkpoint(
            step=self.step,
            evaluated=self.evaluated,
            loss_sum=self.process_group.sum(self.loss_sum.clone()).item(),
            loss_count=self.loss_count,
            losses=self.process_group.sum(self.losses.since_logged.clone()).cpu(),
            model=self.weights(),
            optimiser=sharding.whole_state(self.optimiser.state_dict(), self.keeps),
            scaler=self.scaler.state_dict(),
            halvings=self.passes.halvings,
            selection=self.selection.state(),
            recent=self.passes.recent.cpu(),
        )
        if self.written is not None:
            state["written"] = self.written
        if self.process_group.main:
            self.file.save(state)
        self.selection.note_saved()
        self.saved_at = time.monotonic()
        self.pause = max(CHECKPOINT_SECONDS, CHECKPOINT_PAUSE * (self.saved_at - begun))
        self.emit(CheckpointSaved(step=self.step))

    def restore(self, state: Checkpoint) -> None:
        self.step, self.evaluated = state["step"], state["evaluated"]
        self.loss_sum.fill_(state["loss_sum"] if self.process_group.main else 0)
        self.loss_count = state["loss_count"]
        self.losses.restore(state.get("losses"))
        if not self.process_group.main:
            self.losses.values.zero_()
        self.load(state["model"])
        self.optimiser.load_state_dict(sharding.spread_state(state["optimiser"], self.trained))
        self.scaler.load_state_dict(state.get("scaler", {}))
        self.passes.restore(state.get("halvings", 0), state.get("recent"))
        self.written = state.get("written")
        self.selection.restore(state["selection"])

    def load(self, weights: dict[str, Tensor], *, partly: bool = False) -> None:
        """Load weights into the model, by name: all trained ones, unless ``partly``."""
        report = self.model.load_state_dict(sharding.spread(weights, self.model), strict=not (partly or self._frozen))
        assert not report.unexpected_keys, f"the model has no {report.unexpected_keys[0]}"

    def weights(self) -> dict[str, Tensor]:
        """Return the model's tensors by name, without the frozen ones. Collective: all processes must call it together."""
        tensors, frozen = self.model.state_dict(), self._frozen
        return {name: sharding.whole(tensor, self.keeps) for name, tensor in tensors.items() if name not in frozen}

    @property
    def _frozen(self) -> set[str]:
        named = self.model.named_parameters(remove_duplicate=False)  # a tied weight has two names
        return {name for name, parameter in named if not parameter.requires_grad}

    def _train_step(self) -> None:
        batch, progress = self._batch(), self.step / self.total
        for group in self.optimiser.param_groups:
            group["lr"] = self._lr(self.step)
        share = self._share(batch, progress)
        loss = None
        while loss is None:  # once, unless memory runs out
            self.optimiser.zero_grad()
            loss = self.passes.gradient(share)
        self.process_group.sum_gradients(self.trained)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.passes.accept()
        self.step += 1
        self.loss_sum += loss * len(batch)
        self.losses.add(loss)
        self.loss_count += len(batch)

    def _share(self, batch: Rows, progress: float) -> Share:
        """Return this process's share of a batch of positions in ``self.rows``."""
        own = self.process_group.share(batch)
        places = to_device(torch.from_numpy(own), self.device)
        truth = None if self.truth is None else self.truth[places]
        return Share(self.rows[own], self.labels[places], truth, len(batch), self.step, progress)

    def _batch(self) -> Rows:
        """Return the positions in ``self.rows`` of the next batch."""
        epoch, position = divmod(self.step, self.steps_per_epoch)
        if epoch != self.epoch:
            self.epoch, self.epoch_batches = epoch, batches(len(self.rows), self.run.batch_size, self.run.seed, epoch)
        return self.epoch_batches[position]

    def _log(self) -> None:
        """Emit the mean loss since the last call. Not at every step, since reading the loss makes a GPU wait."""
        loss = self.process_group.sum(self.loss_sum).item() / self.loss_count
        of_steps = self.process_group.sum(self.losses.since_logged).cpu()
        done = self.step - 1
        self._check_finite(of_steps, loss)
        metric = MetricLogged(
            step=self.step,
            loss=loss,
            extremes=step_losses.extremes(of_steps, self.step),
            lr=self._lr(done),
            confidence_weight=losses.confidence_weight(self.run.method, done / self.total, done),
            threshold=torch.sigmoid(losses.threshold(*self.passes.guessed)).item() if self.passes.guessed else None,
            examples=examples_seen(self.step, len(self.rows), self.run.batch_size),
            tokens=self._tokens(),
        )
        self.emit(metric)
        self.loss_sum.zero_()
        self.loss_count = 0
        self.losses.clear()

    def _check_finite(self, of_steps: Tensor, mean: float = 0.0) -> None:
        step_losses.check_finite(of_steps, self.step, self._lr, self.emit, mean)

    def _lr(self, step: int) -> float:
        """Return the learning rate after ``step`` steps."""
        return self.run.lr * lr_factor(self.run.schedule, step / self.total)

    def _tokens(self) -> int | None:
        """Return the tokens of all steps so far; None for inputs without tokens."""
        inputs, position = self.passes.inputs, (self.step - 1) % self.steps_per_epoch
        now = inputs.tokens(self.rows[np.concatenate(self.epoch_batches[: position + 1])])
        each = inputs.tokens(self.rows)
        return None if now is None or each is None else self.epoch * each + now

    def check_stop(self) -> None:
        """Raise Stopped in all processes once a stop was requested."""
        if self.process_group.agree(self.should_stop()):
            raise Stopped
