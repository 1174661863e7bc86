"""The training of one run in one process of its group: data, labels, training, predictions, files."""

import logging
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from platform import python_version

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training.catalog.bundles import array_of
from training.engine import starting_point
from training.engine.checkpoint import Checkpoint, CheckpointFile
from training.engine.data.examples import Examples, load_examples
from training.engine.data.split import Rows, split_for
from training.engine.determinism import HEAD_THREADS, make_deterministic, threads, transformer_threads
from training.engine.distributed import memory
from training.engine.distributed.process_group import ProcessGroup
from training.engine.errors import Diverged, EngineError
from training.engine.evaluation_schedule import evaluation_schedule
from training.engine.loop import Loop
from training.engine.models import classifiers, model_files
from training.engine.models.data_features import features_of
from training.engine.models.input_loading import load_inputs
from training.engine.models.inputs import Inputs
from training.engine.models.precision import precision_of
from training.engine.models.prompting import answers
from training.engine.models.sizes import size_of
from training.engine.outputs.files import write_outputs
from training.engine.outputs.predicted_rows import PredictedRows
from training.engine.schedule import step_counts
from training.engine.selection import Selection
from training.engine.starting_point import Learner
from training.engine.targets.derived_labels import derived_predictions, write_derived
from training.engine.targets.given_labels import given_predictions
from training.engine.targets.imitation import prompted
from training.engine.targets.supervisor_labels import evaluator, read_supervisor
from training.engine.targets.training_set import TrainingSet, training_set_of
from training.events import EvaluationLogged, Event, RunStarted
from training.spec import RunSpec
from training.spec.methods import Imitation
from training.storage.artifacts import Store
from training.storage.predictions import Predictions
from training.storage.probabilities import Probabilities, labels_of
from training.storage.written_answers import Course, Outputs

log = logging.getLogger(__name__)


def train(
    run: RunSpec,
    store: Store,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    process_group: ProcessGroup,
    kind: "type[Training] | None" = None,
) -> None:
    """Train ``run``, or derive its predictions, and write its files to ``store``. Raises EngineError, Stopped.

    ``kind`` is the class with the steps of its training, ``Training`` unless it is another.
    """
    make_deterministic(run.seed)
    training = (kind or Training)(run, store, emit, should_stop, process_group)
    with model_files.watched(emit, should_stop):
        try:
            if run.derives:
                training.write_derived()
            else:
                training.train()
        finally:
            memory.release()


class Training:
    """A run in one process of its group, and the shared state of its steps: examples, split and evaluation schedule."""

    def __init__(
        self,
        run: RunSpec,
        store: Store,
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
        process_group: ProcessGroup,
        examples: Examples | None = None,
    ) -> None:
        self.run, self.store, self.emit, self.should_stop, self.process_group = run, store, emit, should_stop, process_group
        self.examples = examples or load_examples(run.dataset, run.fingerprint)
        self.split = split_for(run, self.examples.group, self.examples.part)
        weights = size_of(run).width * self.examples.classes if array_of(run.model) is not None else 0
        self.schedule = evaluation_schedule(run, self.split, self.examples.group, weights)
        computes_hidden_states = run.tunes_backbone or run.prompts
        self.threads = transformer_threads(process_group.size) if computes_hidden_states else HEAD_THREADS

    def write_derived(self) -> None:
        """Write predictions derived from other runs, from prompting a model, or given from outside: nothing is trained."""
        write_derived(self.run, self.store, self._started(None, 0), self.emit, self._derived)

    def _derived(self) -> Predictions:
        if self.run.given:
            return given_predictions(self.run, self.examples, self.split)
        if self.run.prompts:
            return answers(self.run, self.examples, self.split, self.store, self.emit, self.should_stop)
        return derived_predictions(self.run, self.examples, self.store)

    def train(self) -> None:
        """Learn from the training set, select a checkpoint, predict, and write the files."""
        run, process_group = self.run, self.process_group
        if run.models_language and process_group.sharded:
            raise EngineError("A model in shards cannot learn texts: the worker must train without W2S_SHARDED.")
        self.begin()
        with process_group.main_first():
            inputs = self.inputs()
        with threads(self.threads):
            loop = self._loop(inputs)
            self.restore(loop)
            with loop.stoppable():
                loop.fit(self.evaluation(loop), self.schedule.times)
                self.finish(loop)

    def begin(self) -> None:
        """Find what to learn from, and where to resume; the run has started then."""
        self.training_set = self._label()
        gold = None if self.run.models_language else self.examples.label[self.schedule.watched]
        self.selection = Selection(self.run, self.store.run(self.run.key()), self.process_group, gold)
        self.checkpoint = self._checkpoint(self.selection)
        self.emit(self._started(self.training_set, self.checkpoint["step"] if self.checkpoint else 0))

    def inputs(self) -> Inputs:
        """Return the model's inputs for every row."""
        return load_inputs(self.run, self.examples, self.store, self.emit, self.should_stop)

    def finish(self, learner: Learner) -> None:
        """Write the files of the trained run, with the predictions of the selected step."""
        if (best := self.selection.selected_weights()) is not None:
            learner.load(best)  # a checkpoint saved from here on has these weights, and is not trained further
        predictions = self._predict(learner)
        weights = learner.weights() if self.run.adaptation != "full" or self.run.keep_weights else None
        if self.process_group.main:
            write_outputs(self.run, self.store, weights, self._trajectory(), predictions)

    def _trajectory(self) -> Course:
        return self.selection.trajectory(self.examples.id[self.schedule.watched])

    def _label(self) -> TrainingSet:
        """Return the training set; ``self.evaluate`` then uses the same labels, weak or ground truth."""
        supervisor = read_supervisor(self.run, self.store)
        if isinstance(self.run.method, Imitation):
            assert supervisor is not None
            self.examples = prompted(self.run, self.examples, supervisor)
        half = self.split.half(self.run.half)
        with self.process_group.main_first():
            training_set = training_set_of(self.run, self.examples, half, supervisor, self.store, self._untrained_features)
        watched = self.schedule.watched
        self.evaluate = evaluator(self.examples, watched, training_set.held_out, supervisor)
        self.evaluate_again = evaluator(self.examples, watched, training_set.held_out[:0], supervisor)
        _log_classes(self.examples, self.split.parts)
        return training_set

    def _untrained_features(self) -> np.ndarray:
        """Return the features (rows, width) of the untrained model, for a method that selects rows by them."""
        untrained = self.run.model_copy(update={"adaptation": "probe", "lora_rank": None, "lora_alpha": None, "start": None})
        return features_of(untrained, self.examples, "a", self.store, self.emit, self.should_stop)

    def _checkpoint(self, selection: Selection) -> Checkpoint | None:
        """Return the checkpoint to resume from, None for the beginning."""
        with self.process_group.main_first():
            if self.run.stop_at is not None and self.process_group.main:
                starting_point.copy_longer_run(self.run, self.run.stop_at, self.store)
        with self.process_group.main_first():
            return starting_point.checkpoint_of(self.run, self.store, selection, self.process_group)

    def _loop(self, inputs: Inputs) -> Loop:
        """Return the training loop with its model before the first step."""
        run, training_set = self.run, self.training_set
        used = inputs.used(training_set.rows) if run.adaptation == "full" else None
        file = CheckpointFile(self.store, run.key())
        return Loop(
            run, self.model(used), inputs, training_set, file, self.emit, self.should_stop, self.selection, self.process_group
        )

    def model(self, used: Tensor | None = None) -> nn.Module:
        """Return the untrained model; ``used`` are the token ids that training will read, if known."""
        return classifiers.build(self.run, used, pairs=self.examples.text_b is not None, classes=self.examples.classes)

    def restore(self, learner: Learner) -> None:
        """Load the weights of the checkpoint, or of the run that this one starts from."""
        if self.checkpoint:
            learner.restore(self.checkpoint)
            if self.run.stop_at is not None:
                self.emit_again()
        elif self.run.start is not None:
            pairs = self.examples.text_b is not None
            starting_point.start_from(self.store.read_run(self.run.start), self.store, learner, pairs)

    def emit_again(self) -> None:
        """Emit the evaluations of the longer run that the checkpoint is from."""
        starting_point.emit_again(self.selection, self.evaluate_again, self.emit)

    def evaluation(self, learner: Learner) -> Callable[[int], Event]:
        """Return a function that evaluates a step on validation rows and watched test rows, and records it for selection."""
        validation, watched = self.training_set.validation, self.schedule.watched

        def evaluate(step: int) -> Event:
            on_validation, on_test = self._on_both(learner, validation, watched)
            if not (np.isfinite(on_validation).all() and np.isfinite(on_test).all()):
                raise Diverged(f"The predictions are no longer finite numbers after step {step}: try a smaller learning rate.")
            if self.run.reads:
                self.selection.record(step, on_test, None, learner.weights)
                return EvaluationLogged(step=step, validation_loss=float(on_validation.mean()) if len(on_validation) else None)
            event = self.evaluate(step, labels_of(on_test), on_validation)
            self.selection.record(step, on_test, event.validation_accuracy, learner.weights)
            return event

        return evaluate

    def _on_both(self, learner: Learner, validation: Rows, watched: Rows) -> tuple[Probabilities, Probabilities]:
        """Return the predictions of validation rows and of watched test rows."""
        on_validation, on_test = np.split(learner.predict(np.concatenate([validation, watched])), [len(validation)])
        return on_validation, on_test

    def _predict(self, learner: Learner) -> Outputs:
        """Return the predictions of the selected checkpoint; watched test rows have those recorded by its evaluation."""
        rows = PredictedRows.of(self.run, self.split)
        unseen = rows._replace(test=np.setdiff1d(rows.test, self.schedule.watched))
        prob = learner.predict(np.concatenate(unseen))
        return rows.predictions(self.examples, unseen, prob, self.schedule.watched, self.selection.selected_prob)

    def _started(self, training_set: TrainingSet | None, resumed_from: int) -> RunStarted:
        """Return the event of the start; ``training_set`` is None for a run that trains nothing."""
        device = Accelerator().device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        name = f"{self.process_group.size} x {name}" if self.process_group.size > 1 else name
        precision = "fp32" if self.run.adaptation in ("scratch", "given") else precision_of(self.run)
        name = name if precision == "fp32" else f"{name}, {precision}"
        selects = training_set is not None and training_set.left_out > 0
        return RunStarted(
            total_steps=step_counts(self.run, len(training_set.rows))[1] if training_set else 1,
            rows=len(np.unique(training_set.rows)) if training_set and selects else None,
            rows_of=training_set.of if training_set and selects else None,
            resumed_from=resumed_from,
            device=f"{name}, {self.threads} thread{'s' if self.threads > 1 else ''}" if device.type == "cpu" else name,
            threads=self.threads,
            versions=_versions(),
        )


@cache
def _versions() -> dict[str, str]:
    return {"python": python_version()} | {name: version(name) for name in ("torch", "transformers", "numpy")}


def _log_classes(examples: Examples, parts: dict[str, Rows]) -> None:
    for name, rows in parts.items():
        log.info("%s: %d rows, of each class: %s", name, len(rows), np.bincount(examples.label[rows], minlength=examples.classes))
