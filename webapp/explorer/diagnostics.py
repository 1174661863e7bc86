"""The diagnostics of one pair of an experiment, computed on request from the files of its finished runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings

from training import Store
from training.metrics.diagnostics import (
    Answers,
    Calibration,
    ErrorAgreement,
    Point,
    Range,
    calibration,
    difficulty,
    error_agreement,
    log_point,
    noise,
    onset,
    over_seeds,
    repeated,
    squared_point,
)
from training.metrics.intervals import Estimate
from training.metrics.results import Result
from training.storage.predictions import Predictions
from training.storage.probabilities import by_class
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import Missing


@dataclass(frozen=True)
class Keys:
    """A complete triplet."""

    method: int
    seed: int
    weak: str
    student: str
    ceiling: str


@dataclass(frozen=True)
class Memory:
    """The share of the supervisor's errors that students repeat, each over its seeds: on half B, which they learned from, on the
    test set, and the difference.
    """

    learned: Range
    unseen: Range
    difference: Range


@dataclass(frozen=True)
class Examined:
    """One model in its role over its seeds; comparisons with a supervisor are None for the supervisor itself."""

    seeds: tuple[int, ...]
    truth: Calibration
    parts: list[Estimate | None]
    noise: float | None
    supervisor: Calibration | None = None
    error_agreement: ErrorAgreement | None = None
    squared: tuple[Point, ...] = ()
    log: tuple[Point, ...] = ()
    onsets: tuple[int | None, ...] = ()
    """The step of each student's imitation onset, None where it has none; empty for the other roles."""
    last: int = 0
    """The last step of the longest of these runs."""
    memory: Memory | None = None
    """Only for students, where half B and the supervisor's errors on it are known."""


@dataclass(frozen=True)
class Diagnosed:
    """``students`` are by method; supervisor and ceiling are those of the first method that has each seed."""

    examples: int
    classes: int
    weak: Examined
    students: dict[int, Examined]
    ceiling: Examined


MOST_NUMBERS = 150_000_000
"""Most probabilities of a supervisor and a student over all seeds that are in memory at one time."""

Thresholds = tuple[float, float, float]
"""The thresholds of CDR and CAR, and the confidence up to which the supervisor is uncertain."""


def diagnosed(experiment: Experiment, weak_model: str, strong_model: str, thresholds: Thresholds) -> Diagnosed:
    """Return the diagnostics on the seeds whose three runs have finished. Raises Missing without one, or where a file is gone."""
    outcomes = Result.model_validate(experiment.result).triplets if experiment.result else ()
    triplets = tuple(
        Keys(outcome.method_index, outcome.seed, outcome.weak_run, outcome.student_run, outcome.ceiling_run)
        for outcome in outcomes
        if (outcome.weak_model, outcome.strong_model) == (weak_model, strong_model) and not outcome.missing
    )
    if not triplets:
        raise Missing("There is nothing to diagnose until one supervisor, its student and their ceiling have finished.")
    try:
        return _diagnosed(Path(settings.ARTIFACTS_DIR), triplets, thresholds)
    except FileNotFoundError as error:
        raise Missing("The diagnostics cannot be computed: a file that they are computed from is gone.") from error
    except ValueError as error:
        raise Missing(f"The diagnostics cannot be computed: {error}") from None


@lru_cache(maxsize=128)
def _diagnosed(folder: Path, triplets: tuple[Keys, ...], thresholds: Thresholds) -> Diagnosed:
    """Return the diagnostics, cached by the store's folder and the keys of the runs, whose predictions never change."""
    reader = _Reader(artifact_store())
    methods = sorted({keys.method for keys in triplets})
    first = list({keys.seed: keys for keys in reversed(triplets)}.values())[::-1]
    test = reader.test(first[0].weak)
    if 2 * len(first) * len(test.id) * test.classes > MOST_NUMBERS:
        raise ValueError(f"{len(first)} seeds of {test.classes:,} classes have more probabilities than a page may read at once.")
    by_method = {method: [keys for keys in triplets if keys.method == method] for method in methods}
    return Diagnosed(
        len(test.id),
        test.classes,
        _supervisor(reader, first),
        {method: _student(reader, chosen, thresholds) for method, chosen in by_method.items()},
        _compared(reader, first, "ceiling", thresholds),
    )


class _Reader:
    """Predictions of runs on the test set, each read once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._tests: dict[str, Predictions] = {}

    def test(self, key: str) -> Predictions:
        if key not in self._tests:
            part = self.store.read_predictions(key).part("test")
            self._tests[key] = part.take(np.argsort(part.id, kind="stable"))
        return self._tests[key]

    def answers(self, keys: Keys, role: str) -> Answers:
        """Return the predictions of the triplet's supervisor and of its run in ``role``. Raises ValueError."""
        run, weak = self.test(getattr(keys, role)), self.test(keys.weak)
        if not np.array_equal(run.id, weak.id):
            raise ValueError(f"the runs of seed {keys.seed} were tested on different examples.")
        return Answers(keys.seed, weak.group, weak.gold.astype(np.int64), by_class(weak.prob), by_class(run.prob))


def _examined(triplets: Sequence[Keys], answers: Sequence[Answers]) -> Examined:
    return Examined(tuple(keys.seed for keys in triplets), calibration(answers), difficulty(answers), noise(answers))


def _supervisor(reader: _Reader, triplets: Sequence[Keys]) -> Examined:
    return _examined(triplets, [reader.answers(keys, "weak") for keys in triplets])


def _compared(reader: _Reader, triplets: Sequence[Keys], role: str, thresholds: Thresholds) -> Examined:
    """Return the diagnostics of a student or ceiling, which is compared with its supervisor."""
    answers = [reader.answers(keys, role) for keys in triplets]
    return replace(
        _examined(triplets, answers),
        supervisor=calibration(answers, "weak"),
        error_agreement=error_agreement(answers, *thresholds),
        squared=tuple(map(squared_point, answers)),
        log=tuple(map(log_point, answers)),
    )


def _student(reader: _Reader, triplets: Sequence[Keys], thresholds: Thresholds) -> Examined:
    """Return the diagnostics of a student, with its imitation onset where the trajectories of all seeds exist."""
    try:
        onsets = [_onset(reader, keys) for keys in triplets]
    except FileNotFoundError:
        onsets = []
    return replace(
        _compared(reader, triplets, "student", thresholds),
        onsets=tuple(step for step, _ in onsets),
        last=max((last for _, last in onsets), default=0),
        memory=_memory(reader.store, triplets),
    )


def _onset(reader: _Reader, keys: Keys) -> tuple[int | None, int]:
    """Return the step of the student's imitation onset, and its last step."""
    trajectory, weak = reader.store.read_trajectory(keys.student), reader.test(keys.weak)
    watched = np.isin(weak.id, trajectory.id)
    labels = trajectory.label[:, np.argsort(trajectory.id, kind="stable")].astype(np.int64)
    weak_labels, gold = weak.label[watched].astype(np.int64), weak.gold[watched].astype(np.int64)
    return onset(trajectory.steps, labels, weak_labels, gold), trajectory.last


def _memory(store: Store, triplets: Sequence[Keys]) -> Memory | None:
    """Return the repeated errors; None where a supervisor of one of the seeds makes no error on half B or on the test set."""
    shares = []
    for keys in triplets:
        student, weak = (store.read_predictions(key) for key in (keys.student, keys.weak))
        pairs = [_paired(student, weak, split) for split in ("transfer", "test")]
        shares.append([repeated(own.label, supervisor.label, supervisor.gold) for own, supervisor in pairs])
    known = [(learned, unseen) for learned, unseen in shares if learned is not None and unseen is not None]
    if len(known) < len(shares):
        return None
    learned, unseen = zip(*known, strict=True)
    return Memory(over_seeds(learned), over_seeds(unseen), over_seeds([on_half - on_test for on_half, on_test in known]))


def _paired(student: Predictions, weak: Predictions, split: str) -> tuple[Predictions, Predictions]:
    """Return the predictions of both for the same examples of ``split``, in the order of their ids."""
    own, supervisor = (part.take(np.argsort(part.id, kind="stable")) for part in (student.part(split), weak.part(split)))
    both = np.intersect1d(own.id, supervisor.id)
    return own.take(np.isin(own.id, both)), supervisor.take(np.isin(supervisor.id, both))
