"""Checkpoint selection: every evaluation of a run, and the weights of the best step so far."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.engine.checkpoint import SelectionState
from training.engine.data.split import Rows
from training.engine.distributed.process_group import ALONE, ProcessGroup
from training.spec import RunSpec
from training.storage.checksums import Checksums, DamagedArtifact, remove, sidecar
from training.storage.predictions import Trajectory, earliest_best
from training.storage.probabilities import Labels, Probabilities, classes_of, drawn, labels_of

Weights = dict[str, Tensor]


class Selection:
    """The evaluations of ``run``, at most 51, each a label and a probability for every test row, whose true classes are ``gold``.

    ``gold`` is None for a run that predicts no classes, whose evaluations are kept as they are. All probabilities of K > 2
    classes are kept of the selected evaluation only.
    The best weights of a head or of LoRA are kept in memory and in the checkpoint. Those of a fully tuned model are a file in
    ``folder`` that is written when they improve and named after its step, so that the file of the last checkpoint stays until
    there is a newer checkpoint: two files at most. Each process of a group has its own selection, all equal, and the main one
    has the files.
    """

    def __init__(self, run: RunSpec, folder: Path, process_group: ProcessGroup = ALONE, gold: Labels | None = None) -> None:
        self.process_group, self.gold = process_group, gold
        self.rule, self.large, self.folder = run.stop, run.adaptation == "full", folder
        self.checksums = Checksums(folder)
        self.steps = list[int]()
        self.prob, self.labels = list[npt.NDArray[Any]](), list[Labels]()
        self.full: npt.NDArray[Any] = np.zeros(0, np.float32)
        self.validation = list[float]()
        self.best: int | None = None
        self.weights: Weights | None = None
        self.saved: int | None = None
        """The best step in the last checkpoint."""

    def record(self, step: int, prob: npt.NDArray[Any], validation: float | None, weights: Callable[[], Weights]) -> None:
        """Record an evaluation. ``prob`` is of the test rows, or the tokens of their written answers.

        ``weights`` returns the tensors, for the best step so far.
        """
        self.steps.append(step)
        self.prob.append(prob if self.gold is None else drawn(prob, self.gold))
        if self.gold is not None:
            self.labels.append(labels_of(prob))
        self.validation.append(np.nan if validation is None else validation)
        if self.rule == "validation" and step > 0 and earliest_best(self.steps, self.validation) == step:
            self._keep(step, weights())
        if self.selected == step:
            self.full = prob

    def _keep(self, step: int, weights: Weights) -> None:
        if self.large and self.process_group.main:
            with self.checksums.writing(self._file(step)) as path:
                save_file({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, path)
        elif not self.large:
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        self.best = step
        self._forget(keep={step, self.saved})

    @property
    def selected(self) -> int:
        return self.steps[-1] if self.best is None else self.best

    @property
    def selected_prob(self) -> Probabilities:
        """Return the probabilities (n,) or (n, K) of the selected evaluation."""
        return self.full

    def selected_weights(self) -> Weights | None:
        """Return the weights of the best step; None where the last step is selected. Raises DamagedArtifact."""
        if self.best is None or not self.large:
            return self.weights
        self.process_group.wait()  # until the file is written
        self.checksums.verify(self._file(self.best), again=True)
        return load_file(self._file(self.best))

    def trajectory(self, ids: Rows) -> Trajectory:
        labels = np.stack(self.labels) if self.labels and classes_of(self.full) > 2 else None
        return Trajectory(np.array(self.steps), ids, np.stack(self.prob), np.array(self.validation), self.selected, labels)

    # The state in a checkpoint.

    def state(self) -> SelectionState:
        prob, labels = ([torch.from_numpy(array) for array in arrays] for arrays in (self.prob, self.labels))
        full = torch.from_numpy(self.full)
        return SelectionState(
            steps=self.steps,
            prob=prob,
            labels=labels,
            full=full,
            validation=self.validation,
            best=self.best,
            weights=self.weights,
        )

    def note_saved(self) -> None:
        """Delete older files after a checkpoint was written."""
        self.saved = self.best
        self._forget(keep={self.saved})

    def can_restore(self, state: SelectionState) -> bool:
        """Return whether the weights that belong to a checkpoint exist and are undamaged, and its evaluations can be read."""
        if "full" not in state:
            return False  # of an earlier version
        if not self.large or state["best"] is None:
            return True
        file = self._file(state["best"])
        if not sidecar(file).exists():
            return False
        try:
            self.checksums.verify(file, again=True)
        except (FileNotFoundError, DamagedArtifact):
            return False
        return True

    def restore(self, state: SelectionState) -> None:
        self.steps, self.validation, self.full = state["steps"], state["validation"], state["full"].numpy()
        self.prob, self.labels = ([tensor.numpy() for tensor in tensors] for tensors in (state["prob"], state["labels"]))
        self.best, self.weights, self.saved = state["best"], state["weights"], state["best"]
        self._forget(keep={self.saved})

    def clear(self) -> None:
        self._forget(keep=set())

    def _file(self, step: int) -> Path:
        return self.folder / f"best-{step}.safetensors"

    def _forget(self, keep: set[int | None]) -> None:
        needed = {self._file(step) for step in keep if step is not None}
        for file in set(self.folder.glob("best-*.safetensors")) - needed if self.large and self.process_group.main else ():
            remove(file)
