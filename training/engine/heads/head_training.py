"""One run of those that are trained side by side: what happens between two steps, by its own schedule."""

import time
from collections.abc import Callable

from accelerate import Accelerator

from training.engine import checkpoint as checkpoints
from training.engine import loop, losses
from training.engine.attempt import Attempt
from training.engine.data.examples import Examples
from training.engine.data.split import Rows
from training.engine.distributed.process_group import ALONE
from training.engine.errors import Stopped
from training.engine.heads.learner import HeadLearner
from training.engine.heads.stack import Head, Stack
from training.engine.heads.vectors import Vectors
from training.engine.models import classifiers
from training.engine.schedule import evenly
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
        self.attempt, self.path = attempt, store.checkpoint(attempt.key)

    def start(self, vectors: Vectors) -> None:
        """Make the head, at its beginning or as a checkpoint has it."""
        model = self.model()
        self.head = head = Head(self.run, *classifiers.layer_of(model), self.training_set, Accelerator().device)
        self.learner = HeadLearner(model, head, vectors, self.selection)
        self.evaluate_step = self.evaluation(self.learner)
        self.evaluated_steps = evenly(self.schedule.times, head.total) | {0, head.end}
        self.logged_steps = evenly(loop.METRICS, head.total)
        self.saved_at, self.pause = time.monotonic(), loop.CHECKPOINT_SECONDS
        self.restore(self.learner)

    def goes_on(self, stack: Stack | None) -> bool:
        """Do what is due after a step of ``stack``; return whether the run has a next step."""
        step = self.head.step
        late = time.monotonic() - self.saved_at > self.pause
        if late or step in self.evaluated_steps or step in self.logged_steps or self.attempt.should_stop():
            with self.attempt.ending():
                self._pause(stack, late)
        return not self.attempt.ended

    def _pause(self, stack: Stack | None, late: bool) -> None:
        """Log, save, evaluate or end where it is due. Raises Stopped, and Diverged where the loss is no longer finite."""
        head, learner = self.head, self.learner
        if stack is not None and head.step in self.logged_steps and head.loss_count:
            self._log(stack)
        if late:
            self.save()
        if head.step in self.evaluated_steps and learner.evaluated < head.step:
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
        done = head.step - 1
        lr = head.lr(done)
        loop.check_finite(loss, head.step, lr, self.emit)
        weight = losses.confidence_weight(self.run.method, done / head.total, done)
        self.emit(MetricLogged(step=head.step, loss=loss, lr=lr, confidence_weight=weight, threshold=stack.threshold(head)))
        head.loss_sum.zero_()
        head.loss_count = 0

    def save(self) -> None:
        begun = time.monotonic()
        checkpoints.save(self.path, self.learner.state())
        self.selection.note_saved()
        self.saved_at = time.monotonic()
        self.pause = max(loop.CHECKPOINT_SECONDS, loop.CHECKPOINT_PAUSE * (self.saved_at - begun))
        self.emit(CheckpointSaved(step=self.head.step))

    def _on_both(self, learner: Learner, validation: Rows, watched: Rows) -> tuple[Probabilities, Probabilities]:
        return learner.predict(validation), learner.predict(watched)  # apart, since many runs have the same test rows
