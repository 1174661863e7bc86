"""What labels cost: the accuracy of students over the price of the weak and true labels that they learned from.

After arXiv:2410.13215: a budget is n_weak c_weak + n_true c_true. Costs are in true labels, so that c_true is 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from training import ExperimentSpec
from training.methods import Anchored, Method, Mixed, Sequential
from training.plan import rows_of
from training.results import Group
from webapp.charts.roles import CEILING, Look, student_looks
from webapp.findings.words import method_titles

WEAK_COST = 0.1
"""Of a weak label, as the paper has it."""


@dataclass(frozen=True)
class Offer:
    """What one method costs and brings. One that is ``best`` is matched by nothing that costs as little."""

    title: str
    look: Look
    weak: int
    true: int
    cost: float
    accuracy: float
    low: float
    high: float
    best: bool = False


def labels_of(method: Method, rows: int) -> tuple[int, int] | None:
    """How many weak and how many true labels of half B a method reads; None where it reads others than these."""
    match method:
        case Mixed():
            true = round(method.fraction * rows)
            return (rows - true if method.rest == "weak" else 0), true
        case Anchored():
            true = round(method.fraction * rows)
            return rows - true, true
        case Sequential():
            return rows, round(method.fraction * rows)
    return (rows, 0) if method.taught == "weak labels" else None


def offers(spec: ExperimentSpec, groups: Sequence[Group], weak_cost: float = WEAK_COST) -> list[Offer]:
    """Of one pair: its methods and its ceiling, ascending by cost. Empty unless one of them mixes weak and true labels."""
    if not any(isinstance(method, Mixed | Anchored | Sequential) for method in spec.methods):
        return []
    half = rows_of(spec.data.name, spec.data)
    rows = half.train + half.validation
    looks, titles = student_looks([method.kind for method in spec.methods]), method_titles(spec)
    found = []
    for group in groups:
        counts = labels_of(spec.methods[group.method_index], rows)
        if counts and group.student:
            weak, true = counts
            about = (titles[group.method_index], looks[group.method_index], weak, true, weak * weak_cost + true)
            found.append(Offer(*about, group.student.value, group.student.low or 0.0, group.student.high or 1.0))
    whole = next((group.ceiling for group in groups if group.ceiling), None)
    if whole:
        found.append(Offer("Ceiling", CEILING, 0, rows, rows, whole.value, whole.low or 0.0, whole.high or 1.0))
    found.sort(key=lambda one: (one.cost, -one.accuracy))
    highest, ranked = -1.0, []
    for one in found:
        ranked.append(Offer(**{**vars(one), "best": one.accuracy > highest}))
        highest = max(highest, one.accuracy)
    return ranked
