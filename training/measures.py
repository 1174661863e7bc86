"""Accuracy, the state of the gap, transitions and agreement, from who is right on which test example.

Answers are boolean arrays (seeds, examples) of being right; with two classes that says everything about labels too.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from training.spec import Frozen
from training.statistics import Estimate, Spread, combination, measure, ratio

Rights = npt.NDArray[np.bool_]
Clusters = npt.NDArray[np.int64]
State = Literal["incomplete", "saturated", "inverted", "unresolved", "ok"]

SATURATED = 0.99
"""Supervisor and ceiling both at or above this accuracy leave no headroom to recover."""

CHANCE = 0.5


class Accuracy(Estimate):
    """A mean accuracy over seeds; ``per_seed`` is in the order of the group's ``seeds``."""

    per_seed: tuple[float, ...]


class Cell(Frozen):
    """One of the four transitions: the mean count of test examples over seeds, and their share with its interval."""

    count: float
    share: Estimate


class Transitions(Frozen):
    """What became of the supervisor's answers in the student; the counts sum to the test set, corrected - lost is the gain."""

    kept: Cell
    """Supervisor right, student right."""
    lost: Cell
    """Supervisor right, student wrong: a new error."""
    corrected: Cell
    """Supervisor wrong, student right."""
    copied: Cell
    """Supervisor wrong, student wrong: with two classes, the same error."""


class Agreement(Frozen):
    """Share of test examples on which student and supervisor give the same label; None where there is no such example.

    The splits are ratios of means over seeds, so that student = weak * right + (1 - weak) * (1 - wrong) holds exactly.
    """

    overall: Estimate
    supervisor_right: Estimate | None
    supervisor_wrong: Estimate | None


def accuracy(spread: Spread, right: Rights, role: int) -> Accuracy:
    estimate = combination(spread, [float(role == other) for other in range(len(right))]).within(0, 1)
    return Accuracy(**estimate.model_dump(), per_seed=tuple(map(float, right[role].mean(axis=1))))


def at_chance(weak: Accuracy) -> bool:
    """The interval of the supervisor's accuracy contains one half: its labels carry nothing to learn from."""
    return weak.low is not None and weak.high is not None and weak.low <= CHANCE <= weak.high


def state_of(weak: Estimate, ceiling: Estimate, gap: Estimate, pgr: Estimate | None) -> tuple[State, str]:
    """Whether PGR may be shown, in this order, and why in one sentence."""
    points = f"{_points(gap.value)} points [{_points(gap.low)}, {_points(gap.high)}]"
    if weak.value >= SATURATED and ceiling.value >= SATURATED:
        return (
            "saturated",
            "Supervisor and ceiling are both right on 99% or more of the test set: there is no headroom to recover.",
        )
    if gap.high is not None and gap.high < 0:
        return (
            "inverted",
            f"The ceiling minus the supervisor is {points}: the ceiling is below the supervisor, so PGR is undefined.",
        )
    if not gap.excludes_zero:
        return (
            "unresolved",
            f"The ceiling minus the supervisor is {points}, which includes zero: no share of the gap can be claimed.",
        )
    if pgr is None or pgr.low is None:
        return "unresolved", f"The gap of {points} is too uncertain to divide by: the interval of PGR has no finite ends."
    return "ok", f"The ceiling is {points} above the supervisor: the gap is wide enough to say what share of it is recovered."


def _points(fraction: float | None) -> str:
    return "∞" if fraction is None else f"{100 * fraction:.1f}".replace("-", "−")


def transitions_of(weak: Rights, student: Rights, clusters: Clusters) -> Transitions:
    """The 2 x 2 table of supervisor and student being right, both (seeds, examples)."""
    table = np.stack([weak & student, weak & ~student, ~weak & student, ~weak & ~student])
    spread = measure(table, clusters)
    counts = table.sum(axis=2).mean(axis=1)
    shares = [combination(spread, row).within(0, 1) for row in np.eye(4).tolist()]
    kept, lost, corrected, copied = (Cell(count=float(n), share=share) for n, share in zip(counts, shares, strict=True))
    return Transitions(kept=kept, lost=lost, corrected=corrected, copied=copied)


def agreement_of(weak: Rights, student: Rights, clusters: Clusters) -> Agreement:
    """With two classes, two models agree where both are right or both are wrong."""
    spread = measure(np.stack([weak == student, weak & student, weak, ~weak & ~student, ~weak]), clusters)
    right, wrong = ratio(spread, (0, 1, 0, 0, 0), (0, 0, 1, 0, 0)), ratio(spread, (0, 0, 0, 1, 0), (0, 0, 0, 0, 1))
    return Agreement(
        overall=combination(spread, (1, 0, 0, 0, 0)).within(0, 1),
        supervisor_right=right and right.within(0, 1),
        supervisor_wrong=wrong and wrong.within(0, 1),
    )
