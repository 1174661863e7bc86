"""The two kinds of tables: of examples with a label, and of examples with a written answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.spec import Problem
from webapp.example_queries.refusal import Refused
from webapp.example_queries.rows import Example, Labelled, Said, Written, Wrote
from webapp.example_queries.view import LABELS, RANGES, SEATS, View


@dataclass(frozen=True)
class Kind:
    """The columns and queries of tables of one kind, beside those of all tables."""

    own: tuple[str, ...]
    """Columns of an example."""
    of_seat: tuple[str, ...]
    """Columns of each model, named ``<seat>_<column>``."""
    orders: Mapping[str, str]
    """The expression of each order, the largest value first; equal ones by id, which is a hash."""
    make: Callable[..., Example]
    """The class of an example, made of the columns of all tables, ``own``, and the answers by seat."""
    answer: Callable[..., Any]
    """The class of a model's answer, made of ``of_seat``."""

    @property
    def columns(self) -> list[str]:
        return [*self.own, *(f"{seat}_{column}" for seat in SEATS for column in self.of_seat)]

    def example(self, common: Sequence[Any], rest: Sequence[Any]) -> Example:
        """Return the example with the values ``common`` of all tables and those of ``columns``."""
        own, width = len(self.own), len(self.of_seat)
        answers = {seat: self.answer(*rest[own + at * width : own + (at + 1) * width]) for at, seat in enumerate(SEATS)}
        return self.make(*common, *rest[:own], answers)


LOWEST = "-1e30"
"""The order of examples that an order is not about: it is finite, so that it can be the start of a page."""

LABELLED = Kind(
    own=("gold", "shift"),
    of_seat=("label", "conf", "gold", "prob"),
    orders={
        "disagreement": "shift",
        "corrections": "CASE WHEN cell IN (5, 6) THEN student_conf ELSE 0 END",
        "regressions": "CASE WHEN cell IN (3, 4) THEN student_conf ELSE 0 END",
        "blind": "CASE WHEN cell IN (3, 4, 7, 8) THEN student_conf - weak_conf ELSE -1 END",
        "errors": "-ceiling_gold",
        "length": "length",
        "id": "0",
    },
    make=Labelled,
    answer=Said,
)

WRITTEN = Kind(
    own=("gold", "difficulty"),
    of_seat=("text", "answer", "log", "ended", "right"),
    orders={
        "disagreement": f"CASE WHEN agree THEN {LOWEST} ELSE student_log END",
        "corrections": f"CASE WHEN cell IN (5, 6) THEN student_log ELSE {LOWEST} END",
        "regressions": f"CASE WHEN cell IN (3, 4) THEN student_log ELSE {LOWEST} END",
        "blind": f"CASE WHEN cell IN (3, 4, 7, 8) THEN student_log - weak_log ELSE {LOWEST} END",
        "sure": "student_log",
        "unsure": "-student_log",
        "hardest": f"coalesce(difficulty, {LOWEST})",
        "easiest": f"coalesce(-difficulty, {LOWEST})",
        "length": "length",
        "id": "0",
    },
    make=Written,
    answer=Wrote,
)


def check(view: View, kind: Kind, dimensions: Mapping[str, Any]) -> None:
    """Raise Refused for a view that asks for what these examples do not have; ``dimensions`` are those that can be brushed."""
    have = "written answers and no labels" if kind is WRITTEN else "labels and no written answers"
    if view.sort not in kind.orders:
        raise Refused(Problem("sort", f"These examples have {have}: there is no such order of them."))
    if view.sort in ("hardest", "easiest") and "difficulty" not in dimensions:
        raise Refused(Problem("sort", "These examples have no difficulty to order them by."))
    if view.sort == "length" and "length" not in dimensions:
        raise Refused(Problem("sort", "These examples are no texts: there is no length to order them by."))
    if kind is WRITTEN and view.gold is not None:
        raise Refused(Problem("gold", f"These examples have {have}: search for an answer instead."))
    if kind is WRITTEN and (label := next((name for name in LABELS if getattr(view, name) is not None), None)):
        raise Refused(Problem(label, f"These examples have {have}: search for an answer instead."))
    for name in RANGES:
        if view.brushed(name) and name not in dimensions:
            lacks = {"length": "are no texts", "difficulty": "have no difficulty" if kind is WRITTEN else f"have {have}"}
            why = lacks.get(name, f"have {have}")
            raise Refused(Problem(name, f"These examples {why}, so that nothing can be selected by it."))
