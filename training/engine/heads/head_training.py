"""One run of those that are trained side by side: what happens between two steps, by its own schedule."""

import time
from collections.abc import Callable

from accelerate import Accelerator
from torch import Tensor

from training.engine import loop, losses, step_losses
from training.engine.attempt import Attempt
from training.engine.checkpoint import CheckpointFile
from training.engine.data.examples import Examples
from training.engine.data.split import Rows
from training.engine.distributed.process_group import ALONE
from training.engine.errors import Stopped
from training.engine.heads.learner import HeadLearner
from training.engine.heads.stack import Head, Stack
from training.engine.heads.vectors import Vectors
from training.engine.models import classifiers
from training.engine.schedule import evenly, examples_seen
from training.engine.starting_point import Learner
from training.engine.train import Training
from training.events import CheckpointSaved, MetricLogged
from training.storage.artifacts import Store
from training.storage.probabilities import Probabilities


class HeadTraining(Training):
    """The training of the head of one ``attempt``.

    ``should_stop`` is asked while the runs of the group prepare together, the attempt's own function during the training.
    """

    head: Head

    def __init__(self, attempt: Attempt, examples: Examples, store: Store, should_stop: Callable[[], bool]) -> None:
        super().__init__(attempt.run, store, attempt.emit, should_stop, ALONE, examples)
        self.attempt, self.file = attempt, CheckpointFile(store, attempt.key)

    def start(self, vectors: Vectors) -> None:
        """Make the head, at its beginning or as a checkpoint has it."""
        model = self.model()
        self.head = head = Head(self.run, *classifiers.layer_of(model), self.training_set, Accelerator().device)
        self.learner = HeadLearner(model, head, vectors, self.selection)
        self.evaluate_step = self.evaluation(self.learner)
        self.evaluated_steps = evenly(self.schedule.times, head.total) | {0, head.end}
        self.saved_at, self.pause = time.monotonic(), loop.CHECKPOINT_SECONDS
        self.restore(self.learner)

    def goes_on(self, stack: Stack | None) -> bool:
        """Do what is due after a step of ``stack``; return whether the run has a next step."""
        step = self.head.step
        late = time.monotonic() - self.saved_at > self.pause
        if late or step in self.evaluated_steps or step in self.head.logged_steps or self.attempt.should_stop():
            with self.attempt.ending():
                self._pause(stack, late)
        return not self.attempt.ended

    def _pause(self, stack: Stack | None, late: bool) -> None:
        """Log, save, evaluate or end where it is due. Raises Stopped, and Diverged where the loss is no longer finite."""
        head, learner = self.head, self.learner
        if stack is not None and head.step in head.logged_steps and head.loss_count:
            self._log(stack)
        if late:
            self.save()
        if head.step in self.evaluated_steps and learner.evaluated < head.step:
            self._check_finite(head.losses.since_logged.cpu())
            self.emit(self.evaluate_step(head.step))
            learner.evaluated = head.step
        if head.step == head.end:
            self.finish(learner)
            self.attempt.finish()
        elif self.attempt.should_stop():
            self.save()
            raise Stopped

    def _log(self, stack: Stack) -> None:
        """Emit the mean loss since the last call."""
        head = self.head
        loss = head.loss_sum.item() / head.loss_count
        of_steps, done = head.losses.since_logged.cpu(), head.step - 1
        self._check_finite(of_steps, loss)
        metric = MetricLogged(
            step=head.step,
            loss=loss,
            extremes=step_losses.extremes(of_steps, head.step),
            lr=head.lr(done),
            confidence_weight=losses.confidence_weight(self.run.method, done / head.total, done),
            threshold=stack.threshold(head),
            examples=examples_seen(head.step, len(head.rows), self.run.batch_size),
        )
        self.emit(metric)
        head.loss_sum.zero_()
        head.loss_count = 0
        head.losses.clear()

    def _check_finite(self, of_steps: Tensor, mean: float = 0.0) -> None:
        step_losses.check_finite(of_steps, self.head.step, self.head.lr, self.emit, mean)

    def save(self) -> None:
        begun = time.monotonic()
        self.file.save(self.learner.state())
        self.selection.note_saved()
        self.saved_at = time.monotonic()
        self.pause = max(loop.CHECKPOINT_SECONDS, loop.CHECKPOINT_PAUSE * (self.saved_at - begun))
        self.emit(CheckpointSaved(step=self.head.step))

    def _on_both(self, learner: Learner, validation: Rows, watched: Rows) -> tuple[Probabilities, Probabilities]:
        return learner.predict(validation), learner.predict(watched)  # apart, since many runs have the same test rows
