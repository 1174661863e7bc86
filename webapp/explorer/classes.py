"""The page of classes of a view: the most frequent confusions of supervisor and student, and a table of classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict

from webapp.charts.numbers import rate
from webapp.example_queries.confusions import ClassCounts, Confusion, confusions_of
from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.view import SEATS
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.model_choice import ModelChoice
from webapp.explorer.open_view import OpenView, open_view
from webapp.explorer.view_address import read_view
from webapp.findings.csv_file import as_csv
from webapp.findings.wording import lower

PAIRS = 10
"""Confusions of each model on the page."""

CLASSES = 20
"""Classes on the page; the file has all."""

ORDERS = ("class", "rows", *SEATS, "gain", "copied")
NO_CLASSES = "These examples have written answers and no classes."


@dataclass(frozen=True)
class Order:
    """The order of the table of classes by one column, the largest value first if ``down``."""

    by: str = "student"
    down: bool = False

    @classmethod
    def read(cls, by: str, first: str) -> "Order":
        """Return the order of the fields ``by`` and ``first`` of an address; the default for anything else."""
        return cls(by, first == "largest") if by in ORDERS else cls()

    @property
    def query(self) -> str:
        pairs = {"by": self.by, "first": "largest" if self.down else "smallest"}
        return "" if self == Order() else urlencode(pairs)

    def value(self, counts: ClassCounts) -> float:
        match self.by:
            case "class":
                return counts.gold
            case "rows":
                return counts.rows
            case "gain":
                return counts.gain
            case "copied":
                return -1.0 if counts.share_copied is None else counts.share_copied
        right: int = getattr(counts, self.by)
        return right / counts.rows


@dataclass(frozen=True)
class PairLine:
    """A confusion in words; ``query`` selects its examples."""

    gold: str
    label: str
    number: int
    share: str
    shared: str
    query: str


@dataclass(frozen=True)
class ClassLine:
    name: str
    rows: int
    right: list[str]
    """The accuracy of each seat."""
    gain: str
    copied: str
    query: str


@dataclass(frozen=True)
class Heading:
    title: str
    query: str
    sorted: str
    """The value of aria-sort, empty for another column."""


class ClassesPage(ModelChoice):
    """Everything that the page shows, read while the view is open. Raises Missing for written answers."""

    def __init__(self, opened: OpenView, order: Order) -> None:
        if opened.slice.about.kind is WRITTEN:
            raise Missing(NO_CLASSES)
        super().__init__(opened)
        self.order = order
        self.confusions = confusions_of(opened.slice)
        self.rows = sum(counts.rows for counts in self.confusions.classes)
        self.shown = min(CLASSES, len(self.confusions.classes))

    @property
    def tables(self) -> list[tuple[str, str, str, list[PairLine]]]:
        """Token, title, heading of the shared column and lines, of supervisor and student."""
        weak, student, _ = self.titles
        return [
            (self.legend[0][0], weak, f"{lower(student)} too", self._pairs("weak", self.confusions.weak[:PAIRS])),
            (self.legend[1][0], student, f"{lower(weak)} too", self._pairs("student", self.confusions.student[:PAIRS])),
        ]

    def _pairs(self, seat: str, pairs: Sequence[Confusion]) -> list[PairLine]:
        return [
            PairLine(
                self.class_name(pair.gold),
                self.class_name(pair.label),
                pair.number,
                f"{100 * pair.number / pair.of_gold:.0f}% of {pair.of_gold:,}",
                f"{pair.shared:,} of {pair.number:,}",
                self.view.but(gold=pair.gold, **{f"{seat}_label": pair.label}).query(),
            )
            for pair in pairs
        ]

    @property
    def lines(self) -> list[ClassLine]:
        """The first classes in the chosen order; equal values by number of the class."""
        ordered = sorted(self.confusions.classes, key=lambda each: (-1 if self.order.down else 1) * self.order.value(each))
        return [
            ClassLine(
                self.class_name(each.gold),
                each.rows,
                [rate(getattr(each, seat) / each.rows, 2) for seat in SEATS],
                f"{100 * each.gain:+.0f}".replace("-", "−").replace("+0", "0"),
                "–" if each.share_copied is None else f"{each.copied:,} of {each.errors:,}",
                self.view.but(gold=each.gold).query(),
            )
            for each in ordered[: self.shown]
        ]

    @property
    def headings(self) -> list[Heading]:
        weak, student, ceiling = self.titles
        titles = {"class": "Class", "rows": "Examples", "weak": weak, "student": student, "ceiling": ceiling}
        titles |= {"gain": "Gain, points", "copied": "Errors repeated"}
        return [self._heading(by, title) for by, title in titles.items()]

    def _heading(self, by: str, title: str) -> Heading:
        chosen = by == self.order.by
        after = Order(by, not self.order.down if chosen else by in ("rows", "gain", "copied"))
        address = "&".join(filter(None, (self.query, after.query)))
        return Heading(title, address, ("descending" if self.order.down else "ascending") if chosen else "")

    @property
    def order_text(self) -> str:
        """The order of the table in words."""
        title = next(heading.title for heading in self.headings if heading.sorted)
        return f"by {lower(title)}, the {'largest' if self.order.down else 'smallest'} first"

    @property
    def rows_of_file(self) -> Iterator[dict[str, Any]]:
        """All classes, one after the other."""
        for each in self.confusions.classes:
            right = {f"{seat}_right": getattr(each, seat) for seat in SEATS}
            name = {"class": each.gold, "name": self.class_name(each.gold), "examples": each.rows}
            yield {**name, **right, "supervisor_errors": each.errors, "errors_repeated": each.copied}

    def file(self, name: str) -> HttpResponse:
        """Return all classes as CSV, which is saved as ``name``."""
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(as_csv(self.rows_of_file), content_type="text/csv; charset=utf-8", headers=headers)


def classes_page(finished: FinishedModels, query: QueryDict) -> ClassesPage:
    """Return the page of the view and the order in an address. Raises Missing and Refused as ``open_view`` does."""
    rest = query.copy()
    for name in ("by", "first"):
        rest.pop(name, None)
    view, _ = read_view(rest)
    view = view.model_copy(update=finished.named(finished.chosen(view)))
    with open_view(finished, view.but(map="hidden", sort="disagreement")) as opened:
        return ClassesPage(opened, Order.read(query.get("by", ""), query.get("first", "")))
