"""Accuracy, the state of the gap, transitions and agreement, from correctness and agreement on each test example.

Rights are boolean arrays (seeds, examples), true where a label is right; ``same`` is true where student and supervisor agree.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from training.base_models import Frozen
from training.metrics.intervals import Estimate, Spread, conditional, measure, proportion

Rights = npt.NDArray[np.bool_]
Clusters = npt.NDArray[np.int64]
State = Literal["incomplete", "saturated", "inverted", "unresolved", "ok"]

SATURATED = 0.99
"""Accuracy from which on supervisor and ceiling together leave no headroom to recover."""


class Accuracy(Estimate):
    """A mean accuracy over seeds; ``per_seed`` is in the order of the group's ``seeds``."""

    per_seed: tuple[float, ...]


class Cell(Frozen):
    """One cell of the transitions: mean count of test examples over seeds, and their share with its interval."""

    count: float
    share: Estimate


class Transitions(Frozen):
    """Transitions from the supervisor's answers to the student's; counts sum to the test set, corrected - lost is the gain."""

    kept: Cell
    """Supervisor right, student right."""
    lost: Cell
    """Supervisor right, student wrong: a new error."""
    corrected: Cell
    """Supervisor wrong, student right."""
    copied: Cell
    """Supervisor wrong, student wrong with the same label: with two classes, every error of both."""
    changed: Cell | None = None
    """Supervisor wrong, student wrong with another label or answer; None with two classes, which have no third label."""


class Agreement(Frozen):
    """Share of test examples on which student and supervisor give the same label; None without such an example.

    The splits are ratios of means over seeds, so that overall = weak * right + (1 - weak) * wrong holds exactly. With two classes
    so does student = weak * right + (1 - weak) * (1 - wrong), since an answer other than the wrong one is then right.
    """

    overall: Estimate
    supervisor_right: Estimate | None
    supervisor_wrong: Estimate | None


class Hard(Frozen):
    """Accuracies on the hard part of the test set: for each seed the ``share`` on which its supervisor's loss is largest.

    The supervisor's own is low by the choice of the part, so no PGR is computed on it. None where the part is empty.
    """

    share: float
    weak: Estimate | None
    student: Estimate | None
    ceiling: Estimate | None


def accuracy(spread: Spread, right: Rights, role: int) -> Accuracy:
    estimate = proportion(spread, [float(role == other) for other in range(len(right))])
    return Accuracy(**estimate.model_dump(), per_seed=tuple(map(float, right[role].mean(axis=1))))


def at_chance(weak: Accuracy, classes: int | None) -> bool:
    """Return whether the interval of the supervisor's accuracy contains 1 / ``classes``: such labels carry no information.

    Written answers have no classes, and no level of chance.
    """
    return classes is not None and weak.low is not None and weak.high is not None and weak.low <= 1 / classes <= weak.high


def state_of(weak: Estimate, ceiling: Estimate, gap: Estimate, pgr: Estimate | None) -> tuple[State, str]:
    """Return the state of PGR, by the first condition below that holds, and its reason in one sentence."""
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
        reason = f"The gap of {points} excludes zero, but PGR’s interval has no finite ends: it needs more seeds or examples."
        return "unresolved", reason
    return "ok", f"The ceiling is {points} above the supervisor: the gap is wide enough to say what share of it is recovered."


def _points(fraction: float | None) -> str:
    return "∞" if fraction is None else f"{100 * fraction:.1f}".replace("-", "−")


def transitions_of(weak: Rights, student: Rights, same: Rights, classes: int | None, clusters: Clusters) -> Transitions:
    """Return the transitions between ``weak`` and ``student``, both (seeds, examples); ``same`` marks errors shared by both.

    ``classes`` is None for written answers, which may be wrong in many ways.
    """
    cells = {"kept": weak & student, "lost": weak & ~student, "corrected": ~weak & student, "copied": ~weak & ~student & same}
    if classes != 2:
        cells["changed"] = ~weak & ~student & ~same
    table = np.stack(list(cells.values()))
    spread = measure(table, clusters)
    counts = table.sum(axis=2).mean(axis=1)
    shares = [proportion(spread, row) for row in np.eye(len(cells)).tolist()]
    return Transitions(**{name: Cell(count=float(n), share=share) for name, n, share in zip(cells, counts, shares, strict=True)})


def agreement_of(weak: Rights, same: Rights, clusters: Clusters) -> Agreement:
    """Return the agreement. ``weak`` marks right answers of the supervisor, ``same`` equal labels; both (seeds, examples)."""
    spread = measure(np.stack([same, weak & same, weak, ~weak & same, ~weak]), clusters)
    return Agreement(
        overall=proportion(spread, (1, 0, 0, 0, 0)),
        supervisor_right=conditional(spread, (0, 1, 0, 0, 0), (0, 0, 1, 0, 0)),
        supervisor_wrong=conditional(spread, (0, 0, 0, 1, 0), (0, 0, 0, 0, 1)),
    )


def hard_of(right: Rights, easiness: npt.NDArray[np.floating], easy: float, clusters: Clusters) -> Hard:
    """Return the accuracies on the hard part. ``right`` (3, seeds, examples) is of supervisor, student and ceiling. The share
    ``easy`` of largest ``easiness`` (seeds, examples), the supervisor's probability of the true label or less of the difficulty,
    is left out.
    """
    order = np.argsort(-easiness, axis=1, kind="stable")
    hard = np.zeros(easiness.shape, bool)
    np.put_along_axis(hard, order[:, int(np.ceil(easy * easiness.shape[1])) :], True, axis=1)
    spread = measure(np.stack([hard, *(hard & right)]), clusters)
    weak, student, ceiling = (conditional(spread, np.eye(4)[role].tolist(), (1, 0, 0, 0)) for role in (1, 2, 3))
    return Hard(share=float(hard.mean()), weak=weak, student=student, ceiling=ceiling)
