"""The diagnostics of one pair of an experiment, computed when somebody looks, from what its finished runs have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
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
    """One model in its role over its seeds; what is compared with a supervisor is None of the supervisor itself."""

    seeds: tuple[int, ...]
    truth: Calibration
    parts: list[Estimate | None]
    noise: float | None
    supervisor: Calibration | None = None
    error_agreement: ErrorAgreement | None = None
    squared: tuple[Point, ...] = ()
    log: tuple[Point, ...] = ()
    onsets: tuple[int | None, ...] = ()
    """The step of each student's imitation onset, None where it has none; empty of the others."""
    last: int = 0
    """The last step of the longest of these runs."""
    memory: Memory | None = None
    """Of students alone, where half B and the supervisor's errors on it are known."""


@dataclass(frozen=True)
class Diagnosed:
    """``students`` are by method; supervisor and ceiling are those of the first method that has each seed."""

    examples: int
    classes: int
    weak: Examined
    students: dict[int, Examined]
    ceiling: Examined


Thresholds = tuple[float, float, float]
"""Of CDR, of CAR, and up to which the supervisor is uncertain."""


def diagnosed(experiment: Experiment, weak_model: str, strong_model: str, thresholds: Thresholds) -> Diagnosed:
    """On the seeds of which all three runs have finished. Raises Missing where there is none, or where a file is gone."""
    outcomes = Result.model_validate(experiment.result).triplets if experiment.result else ()
    found = tuple(
        Keys(one.method_index, one.seed, one.weak_run, one.student_run, one.ceiling_run)
        for one in outcomes
        if (one.weak_model, one.strong_model) == (weak_model, strong_model) and not one.missing
    )
    if not found:
        raise Missing("There is nothing to diagnose until one supervisor, its student and their ceiling have finished.")
    try:
        return _diagnosed(Path(settings.ARTIFACTS_DIR), found, thresholds)
    except FileNotFoundError as error:
        raise Missing("The diagnostics cannot be computed: a file that they are computed from is gone.") from error
    except ValueError as error:
        raise Missing(f"The diagnostics cannot be computed: {error}") from None


@lru_cache(maxsize=128)
def _diagnosed(root: Path, triplets: tuple[Keys, ...], thresholds: Thresholds) -> Diagnosed:
    """Kept by the keys of the runs, whose predictions never change."""

    @cache
    def read(key: str) -> Predictions:
        part = Store(root).read_predictions(key).part("test")
        return part.take(np.argsort(part.id, kind="stable"))

    def said(keys: Keys, role: str) -> Answers:
        one, weak = read(getattr(keys, role)), read(keys.weak)
        if not np.array_equal(one.id, weak.id):
            raise ValueError(f"the runs of seed {keys.seed} were tested on different examples.")
        return Answers(keys.seed, weak.group, weak.gold.astype(np.int64), by_class(weak.prob), by_class(one.prob))

    def onset_of(keys: Keys) -> tuple[int | None, int]:
        course, weak = Store(root).read_trajectory(keys.student), read(keys.weak)
        watched = np.isin(weak.id, course.id)
        labels = course.label[:, np.argsort(course.id, kind="stable")].astype(np.int64)
        taught, gold = weak.label[watched].astype(np.int64), weak.gold[watched].astype(np.int64)
        return onset(course.steps, labels, taught, gold), course.last

    def courses_of(chosen: Sequence[Keys]) -> list[tuple[int | None, int]]:
        try:
            return [onset_of(keys) for keys in chosen]
        except FileNotFoundError:
            return []  # of a student whose course was not kept nothing is said

    def memory_of(chosen: Sequence[Keys]) -> Memory | None:
        shares = []
        for keys in chosen:
            student, weak = (Store(root).read_predictions(key) for key in (keys.student, keys.weak))
            pairs = [_paired(student, weak, split) for split in ("transfer", "test")]
            shares.append([repeated(one.label, two.label, two.gold) for one, two in pairs])
        known = [(learned, unseen) for learned, unseen in shares if learned is not None and unseen is not None]
        if len(known) < len(shares):
            return None
        learned, unseen = zip(*known, strict=True)
        apart = [one - two for one, two in known]
        return Memory(over_seeds(learned), over_seeds(unseen), over_seeds(apart))

    def examined(chosen: Sequence[Keys], role: str) -> Examined:
        answers = [said(keys, role) for keys in chosen]
        alone = Examined(tuple(keys.seed for keys in chosen), calibration(answers), difficulty(answers), noise(answers))
        if role == "weak":
            return alone
        courses = courses_of(chosen) if role == "student" else []
        return Examined(
            alone.seeds,
            alone.truth,
            alone.parts,
            alone.noise,
            calibration(answers, "weak"),
            error_agreement(answers, *thresholds),
            tuple(map(squared_point, answers)),
            tuple(map(log_point, answers)),
            tuple(found for found, _ in courses),
            max((last for _, last in courses), default=0),
            memory_of(chosen) if role == "student" else None,
        )

    methods = sorted({keys.method for keys in triplets})
    first = list({keys.seed: keys for keys in reversed(triplets)}.values())[::-1]
    test = read(first[0].weak)
    return Diagnosed(
        len(test.id),
        test.classes,
        examined(first, "weak"),
        {method: examined([keys for keys in triplets if keys.method == method], "student") for method in methods},
        examined(first, "ceiling"),
    )


def _paired(student: Predictions, weak: Predictions, split: str) -> tuple[Predictions, Predictions]:
    """What both say of the same examples of ``split``, in the order of their ids."""
    one, two = (part.take(np.argsort(part.id, kind="stable")) for part in (student.part(split), weak.part(split)))
    both = np.intersect1d(one.id, two.id)
    return one.take(np.isin(one.id, both)), two.take(np.isin(two.id, both))
