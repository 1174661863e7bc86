"""Confusions of classes in a view: the most frequent pairs of truth and prediction, and the measures of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.example_queries.cache import Cache
from webapp.example_queries.slices import Slice
from webapp.example_queries.view import SEATS

MOST = 50
"""Number of pairs that are read of each model."""


@dataclass(frozen=True)
class Confusion:
    """Examples of the class ``gold`` to which a model gives another ``label``, of ``of_gold`` examples of that class.

    ``shared`` is the number of these to which the other model, supervisor or student, gives the same label.
    """

    gold: int
    label: int
    number: int
    shared: int
    of_gold: int


@dataclass(frozen=True)
class ClassCounts:
    """The examples of one class: how many each seat gives the right label, and errors of the supervisor with their copies."""

    gold: int
    rows: int
    weak: int
    student: int
    ceiling: int
    copied: int
    """The number of the supervisor's errors to which the student gives the same wrong label."""

    @property
    def errors(self) -> int:
        """The number of errors of the supervisor."""
        return self.rows - self.weak

    @property
    def gain(self) -> float:
        """The student's accuracy minus the supervisor's."""
        return (self.student - self.weak) / self.rows

    @property
    def share_copied(self) -> float | None:
        return self.copied / self.errors if self.errors else None


@dataclass(frozen=True)
class Confusions:
    """``weak`` and ``student`` are the most frequent confusions of each, ``classes`` all classes with examples, by number."""

    weak: Sequence[Confusion]
    student: Sequence[Confusion]
    classes: Sequence[ClassCounts]


CONFUSIONS: Cache[Confusions] = Cache(64)
"""Answers of at most a thousand classes, about 200 KB each."""


def confusions_of(rows: Slice) -> Confusions:
    """Return the confusions of the examples of a view with labels."""
    key = (rows.base, rows.source, rows.view.rows, rows.tagged)
    return CONFUSIONS.get(key, lambda: _confusions(rows))


def _confusions(rows: Slice) -> Confusions:
    selected = rows.selected
    right = ", ".join(f"count(*) FILTER (WHERE {seat}_label = gold)" for seat in SEATS)
    copied = "count(*) FILTER (WHERE weak_label <> gold AND student_label = weak_label)"
    # Names are ours, values are parameters.
    sql = f"SELECT gold, count(*), {right}, {copied} FROM examples{selected.sql} GROUP BY gold ORDER BY gold"  # nosec B608
    classes = [ClassCounts(*row) for row in rows.cursor.execute(sql, selected.parameters).fetchall()]
    sizes = {each.gold: each.rows for each in classes}
    return Confusions(_pairs(rows, "weak", "student", sizes), _pairs(rows, "student", "weak", sizes), classes)


def _pairs(rows: Slice, seat: str, other: str, sizes: dict[int, int]) -> list[Confusion]:
    selected = rows.selected
    selected.add(f"{seat}_label <> gold")
    sql = f"""SELECT gold, {seat}_label AS label, count(*) AS number, count(*) FILTER (WHERE {other}_label = {seat}_label)
              FROM examples{selected.sql} GROUP BY ALL ORDER BY number DESC, gold, label LIMIT {MOST}"""  # nosec B608
    pairs = rows.cursor.execute(sql, selected.parameters).fetchall()
    return [Confusion(gold, label, number, shared, sizes[gold]) for gold, label, number, shared in pairs]
