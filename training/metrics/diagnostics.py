"""Diagnostics that explain a result beside its accuracies, from predictions on the test set alone.

Each measure is either computed for one seed and averaged afterwards, or a mean over examples, with an interval over seeds and
test examples. All are defined for K >= 2 classes; docstrings state where K > 2 differs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from training.metrics.calibration import (
    Array,
    Bin,
    Labels,
    divergence,
    expected_error,
    log_loss,
    reliability,
    squared,
)
from training.metrics.intervals import Estimate, Spread, combination, conditional, measure, proportion
from training.storage.probabilities import by_class, certain, classes_of, labels_of, probability_of

CDR, CAR = 0.95, 0.55
"""Published thresholds of confident disagreement and of confident agreement."""
DOUBT = 0.6
"""Confidence up to which a supervisor counts as uncertain. Ours: the blind-spot rate was published without a number."""
PARTS = 5
"""Number of parts of the test set, by the supervisor's confidence."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """Predictions of a supervisor and another model for the same test examples in one seed: ``prob`` and ``weak`` are (n, K)."""

    seed: int
    group: Labels
    gold: Labels
    weak: Array
    prob: Array

    @property
    def truth(self) -> Array:
        return by_class(certain(self.gold, classes_of(self.prob)))


@dataclass(frozen=True)
class Range:
    """A mean over seeds with the lowest and highest seed; not an interval, since it ignores other test examples."""

    value: float
    low: float
    high: float


Number = Estimate | Range


@dataclass(frozen=True)
class Calibration:
    """Calibration of a model. ``bins`` are of all seeds together; ``error`` is the mean of the seeds' ECE.

    ``overconfidence`` is mean confidence less accuracy: the ECE with signs, which does not depend on the bins. Above
    zero a model is more confident than accurate.
    """

    bins: list[Bin]
    error: Range
    overconfidence: Estimate
    brier: Estimate
    nll: Estimate


@dataclass(frozen=True)
class ErrorAgreement:
    """Agreement of a model's errors with its supervisor's; None where a measure would divide by zero in one of the seeds."""

    disagreement: Estimate
    agreement: Estimate | None
    phi: Range | None
    kappa: Range | None
    capa: Range | None
    blind: Estimate


@dataclass(frozen=True)
class Point:
    """Gain and misfit of one student: by the inequality the gain is at least the misfit, if its conditions hold."""

    seed: int
    gain: float
    misfit: float


def calibration(answers: Sequence[Answers], against: str = "truth") -> Calibration:
    """Return the calibration against ``truth``, the gold labels, or ``weak``, the supervisor's probabilities; an answer is then
    right if it is the supervisor's label. Brier and NLL are means over examples, the ECE is of each seed.
    """
    targets = [getattr(run, against) for run in answers]
    errors = [expected_error(reliability(run.prob, target)) for run, target in zip(answers, targets, strict=True)]
    rows = [
        (squared(run.prob, target), log_loss(run.prob, target), run.prob.max(axis=1) - (labels_of(run.prob) == labels_of(target)))
        for run, target in zip(answers, targets, strict=True)
    ]
    spread = _spread(answers, np.stack(rows, axis=1))
    brier, nll, overconfidence = (combination(spread, row) for row in np.eye(3).tolist())
    together = reliability(np.concatenate([run.prob for run in answers]), np.concatenate(targets))
    return Calibration(together, over_seeds(errors), overconfidence, brier, nll)


def error_agreement(answers: Sequence[Answers], cdr: float = CDR, car: float = CAR, doubt: float = DOUBT) -> ErrorAgreement:
    """Return the agreement of errors. CDR is the share of all examples where the model is surer than ``cdr`` and its label is
    not the supervisor's. CAR is the share of the supervisor's errors on which the model is surer than ``car`` and gives the same
    label; None where the supervisor makes no error. Both after EleutherAI's w2s; confidence is the probability of the most
    probable class. ``blind`` is the share of all examples where the supervisor's confidence is at most ``doubt``, and the model
    is surer than ``cdr`` and wrong (arXiv:2604.25077; the thresholds are ours).
    """
    labels = [(labels_of(run.prob), labels_of(run.weak)) for run in answers]
    sure = np.stack([run.prob.max(axis=1) for run in answers])
    same = np.stack([own == weak for own, weak in labels])
    wrong = np.stack([weak != run.gold for run, (_, weak) in zip(answers, labels, strict=True)])
    uncertain = np.stack([run.weak.max(axis=1) <= doubt for run in answers])
    errs = np.stack([own != run.gold for run, (own, _) in zip(answers, labels, strict=True)])
    flags = [(sure > cdr) & ~same, (sure > car) & same & wrong, wrong, uncertain & (sure > cdr) & errs]
    spread = _spread(answers, np.stack(flags))
    return ErrorAgreement(
        disagreement=proportion(spread, (1, 0, 0, 0)),
        agreement=conditional(spread, (0, 1, 0, 0), (0, 0, 1, 0)),
        phi=_over_all_seeds([phi(own != run.gold, weak != run.gold) for run, (own, weak) in zip(answers, labels, strict=True)]),
        kappa=_over_all_seeds([kappa(own, weak, classes_of(answers[0].prob)) for own, weak in labels]),
        capa=_over_all_seeds([capa(run.prob, run.weak, run.gold) for run in answers]),
        blind=proportion(spread, (0, 0, 0, 1)),
    )


def repeated(labels: npt.NDArray[np.integer], weak: npt.NDArray[np.integer], gold: npt.NDArray[np.integer]) -> float | None:
    """Return the share of the supervisor's errors that a student repeats, of labels (n,); None without errors.

    The difference between the rows that it learned from and the test set shows how much is memorized: a measure of ours.
    """
    wrong = weak != gold
    return float((labels == weak)[wrong].mean()) if wrong.any() else None


def onset(steps: Labels, labels: Labels, weak: Labels, gold: Labels) -> int | None:
    """Return the imitation onset: the first step from which on the student repeats more of the supervisor's errors
    than it corrects. None where that does not hold at the last step, or without errors of the supervisor. The definition is ours.

    ``labels`` (e, n) are the student's at ``steps`` (e,), of which step 0, the untrained model, does not count; ``weak`` and
    ``gold`` are (n,).
    """
    wrong = weak != gold
    if not wrong.any():
        return None
    imitates = [bool((predicted == weak)[wrong].mean() > (predicted == gold)[wrong].mean()) for predicted in labels]
    first_step = None
    for step, imitated in zip(steps.tolist()[::-1], imitates[::-1], strict=True):
        if not imitated or step == 0:
            break
        first_step = int(step)
    return first_step


def phi(first: Flags, second: Flags) -> float | None:
    """Return the correlation of two indicators of errors, for any number of classes; None where one of them is constant."""
    a, b = first.mean(), second.mean()
    scale = sqrt(a * (1 - a) * b * (1 - b))
    return float(((first & second).mean() - a * b) / scale) if scale else None


def kappa(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], classes: int) -> float | None:
    """Return Cohen's kappa of two models' labels (Cohen 1960): (p_o - p_e) / (1 - p_e), p_e the agreement of independent models
    with the same shares of the classes; None where p_e is 1.
    """
    expected = sum(float((first == each).mean() * (second == each).mean()) for each in range(classes))
    return float(((first == second).mean() - expected) / (1 - expected)) if expected < 1 else None


def capa(first: Array, second: Array, gold: Labels) -> float | None:
    """Return chance-adjusted probabilistic agreement (Goel et al. 2025, arXiv:2502.04313): (c_obs - c_exp) / (1 - c_exp), c_obs
    the mean of sum_k p_k q_k, c_exp = p q + (1 - p)(1 - q) / (K - 1) with p and q the mean probability of the gold label. None
    where c_exp is 1.
    """
    p, q = float(probability_of(first, gold).mean()), float(probability_of(second, gold).mean())
    expected = p * q + (1 - p) * (1 - q) / (classes_of(first) - 1)
    return (float((first * second).sum(axis=1).mean()) - expected) / (1 - expected) if expected < 1 else None


def squared_point(answers: Answers) -> Point:
    """Return Brier(w) - Brier(f) and the mean of (f - w)^2 on the same examples, summed over K > 2 classes. The gain is at least
    the misfit where f is the projection of w on a convex class that contains the truth (Charikar et al. 2024, arXiv:2405.15116).
    """
    gain = squared(answers.weak, answers.truth) - squared(answers.prob, answers.truth)
    return Point(answers.seed, float(gain.mean()), float(squared(answers.prob, answers.weak).mean()))


def log_point(answers: Answers) -> Point:
    """Return NLL(w) - NLL(f) and the mean KL(f || w), student first (arXiv:2501.19105), for any number of classes."""
    gain = log_loss(answers.weak, answers.truth) - log_loss(answers.prob, answers.truth)
    return Point(answers.seed, float(gain.mean()), float(divergence(answers.prob, answers.weak).mean()))


def parts_of(weak: Array, parts: int = PARTS) -> Labels:
    """Return the part of each example by the supervisor's confidence, from least to most confident, of nearly equal size;
    equal confidences stay in the order of the examples.
    """
    part_of = np.empty(len(weak), np.int64)
    for part, places in enumerate(np.array_split(np.argsort(weak.max(axis=1), kind="stable"), parts)):
        part_of[places] = part
    return part_of


def difficulty(answers: Sequence[Answers], parts: int = PARTS) -> list[Estimate | None]:
    """Return the accuracy in each part of the test set by each seed's own supervisor's confidence; None for an empty part."""
    right = np.stack([labels_of(run.prob) == run.gold for run in answers])
    place = np.stack([parts_of(run.weak, parts) for run in answers])
    accuracies = []
    for part in range(parts):
        inside = place == part
        accuracies.append(conditional(_spread(answers, np.stack([right & inside, inside])), (1, 0), (0, 1)))
    return accuracies


def noise(answers: Sequence[Answers]) -> float | None:
    """Return the noise floor: the standard deviation of the accuracies of seeds (n - 1); None for a single seed."""
    accuracies = [float((labels_of(run.prob) == run.gold).mean()) for run in answers]
    return float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None


def _spread(answers: Sequence[Answers], values: Flags | Array) -> Spread:
    return measure(values, answers[0].group)


def _over_all_seeds(values: Sequence[float | None]) -> Range | None:
    """Return the range over seeds; None if one seed has no value, since a mean over fewer seeds would hide it."""
    known = [value for value in values if value is not None]
    return over_seeds(known) if len(known) == len(values) else None


def over_seeds(values: Sequence[float]) -> Range:
    """Return the mean with the least and greatest value."""
    return Range(float(np.mean(values)), min(values), max(values))
