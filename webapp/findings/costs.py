"""Costs of labels: the accuracy of students over the price of the weak and true labels that they learned from.

After arXiv:2410.13215: a budget is n_weak c_weak + n_true c_true. Costs are in true labels, so that c_true is 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from training import ExperimentSpec
from training.metrics.agreement import Accuracy
from training.metrics.results import Group
from training.planning.estimates import rows_of
from training.spec.methods import Anchored, Method, MethodBase, Mixed, Sequential
from webapp.charts.frontier import Point
from webapp.charts.styles import CEILING, Style, student_styles
from webapp.findings.wording import method_titles

WEAK_COST = 0.1
"""The cost of a weak label in that paper."""


@dataclass(frozen=True)
class Offer(Point):
    """The cost and accuracy of one method that reads ``weak`` weak labels and ``true`` true labels."""

    weak: int = 0
    true: int = 0


def labels_of(method: Method, rows: int) -> tuple[int, int] | None:
    """Return the numbers of weak and true labels of half B that a method reads; None if it reads other labels."""
    match method:
        case Mixed():
            true = round(method.fraction * rows)
            return (rows - true if method.rest == "weak" else 0), true
        case Anchored():
            true = round(method.fraction * rows)
            return rows - true, true
        case Sequential():
            return rows, round(method.fraction * rows)
    return (rows, 0) if method.label_source == MethodBase.label_source else None


def offers(spec: ExperimentSpec, groups: Sequence[Group], weak_cost: float = WEAK_COST) -> list[Offer]:
    """Return the methods and the ceiling of one pair by ascending cost; empty unless a method mixes weak and true labels."""
    if not any(isinstance(method, Mixed | Anchored | Sequential) for method in spec.methods):
        return []
    half = rows_of(spec.data.name, spec.data, "B")
    rows = half.train + half.validation
    styles, titles = student_styles([method.kind for method in spec.methods]), method_titles(spec)
    offers = []
    for group in groups:
        counts = labels_of(spec.methods[group.method_index], rows)
        if counts and group.student:
            offers.append(_offer(titles[group.method_index], styles[group.method_index], group.student, counts, weak_cost))
    whole = next((group.ceiling for group in groups if group.ceiling), None)
    if whole:
        offers.append(_offer("Ceiling", CEILING, whole, (0, rows), weak_cost))
    offers.sort(key=lambda offer: (offer.cost, -offer.accuracy))
    cheaper = [-1.0, *accumulate((offer.accuracy for offer in offers), max)]
    return [replace(offer, best=offer.accuracy > highest) for offer, highest in zip(offers, cheaper, strict=False)]


def _offer(title: str, style: Style, said: Accuracy, counts: tuple[int, int], weak_cost: float) -> Offer:
    weak, true = counts
    return Offer(
        title,
        style,
        weak * weak_cost + true,
        said.value,
        said.low or 0.0,
        said.high or 1.0,
        weak=weak,
        true=true,
        seeds=len(said.per_seed),
    )
