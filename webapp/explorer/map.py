"""The map of a view: a sample of its examples in the plane of the student's features, coloured by cell."""

from dataclasses import dataclass
from functools import cached_property

from webapp.cell_names import four_cells
from webapp.charts.scatter import Dot, Window, scatter_chart
from webapp.example_queries.view import CELLS, NOWHERE, PLANE
from webapp.explorer.cells import own_seats
from webapp.explorer.open_view import UNMAPPED, OpenView
from webapp.explorer.titles import Subject
from webapp.findings.wording import lower

DRAWN = 2000
SHOWN = 80
"""Characters of a text."""

KINDS = ("kept", "lost", "corrected", "copied")
"""Kinds of points, by supervisor and then student right or wrong. A point is hollow if the ceiling is wrong."""

OTHERS = ("{0} and {1} right", "{0} right, {1} wrong", "{0} wrong, {1} right", "{0} and {1} wrong")
"""Names of the kinds if other models than supervisor and student sit in their seats."""


@dataclass(frozen=True)
class Field:
    """The two fields of one coordinate."""

    name: str
    title: str
    share: str
    typed: tuple[str, str]
    start: str
    end: str


class Map(Subject):
    """The map, which reads everything in its constructor. ``missing`` says why there is none."""

    def __init__(self, opened: OpenView) -> None:
        super().__init__(opened)
        self.missing = "" if opened.source.projected else UNMAPPED
        if self.missing:
            return
        self.frame, self.cells = opened.slice.frame, opened.slice.spread()
        self.window = Window.around(self.frame.low, self.frame.high)
        # Points of the large cells without an error of supervisor and student are drawn first, beneath the others.
        points = sorted(opened.slice.points(DRAWN, SHOWN), key=lambda point: point.cell > 2)
        self.dots = [Dot(point.id, kind_of(point.cell), point.x, point.y, point.text) for point in points]

    @property
    def rows(self) -> int:
        return sum(self.cells.values())

    @property
    def share(self) -> str:
        return percent(sum(self.frame.share))

    @property
    def legend_rows(self) -> list[tuple[str, list[tuple[str, int]]]]:
        """Each fate of the weak label, with kinds of points and numbers of examples for the ceiling right and wrong."""
        titles = [self.titles[0], lower(self.titles[1])]
        names = four_cells(self.classes) if own_seats(self.triplet) else [text.format(*titles) for text in OTHERS]
        pairs = [CELLS[at : at + 2] for at in range(0, len(CELLS), 2)]
        return [(name, [(kind_of(cell), self.cells[cell]) for cell in pair]) for name, pair in zip(names, pairs, strict=True)]

    @property
    def fields(self) -> list[Field]:
        fields = []
        for at, (name, title) in enumerate(zip(PLANE, ("First component", "Second component"), strict=True)):
            low, high = ("" if end is None else f"{end:g}" for end in self.view.ends(name))
            start, end = (f"{corner[at]:.3g}" for corner in (self.window.low, self.window.high))
            fields.append(Field(name, title, percent(self.frame.share[at]), (low, high), start, end))
        return fields

    @property
    def corners(self) -> list[tuple[str, float]]:
        """The coordinates of the picture's edges, for the brush."""
        low, high = self.window.low, self.window.high
        return [("left", low[0]), ("right", high[0]), ("bottom", low[1]), ("top", high[1])]

    @property
    def everywhere(self) -> str:
        """The query without the rectangle."""
        return self.view.but(map="shown", **NOWHERE).query()

    @cached_property
    def drawing(self) -> str:
        x, y = (self.view.ends(name) for name in PLANE)
        label = f"{len(self.dots):,} examples by the first two principal components of the {lower(self.titles[1])}’s features"
        return scatter_chart(self.dots, self.window, (x, y) if self.view.framed else None, label)


def kind_of(cell: int) -> str:
    return KINDS[(cell - 1) // 2] + (" hollow" if (cell - 1) % 2 else "")


def percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1f}%"
