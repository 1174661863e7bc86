"""The matrix of eight cells, by whether supervisor, student and ceiling are right; each cell is a filter."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.cell_names import READINGS, eight_cells
from webapp.example_queries.view import CELLS, SEATS, View
from webapp.explorer.finished_models import Triplet
from webapp.findings.wording import lower

OTHERS = {
    1: "all three right",
    2: "{2} alone errs",
    3: "{1} alone errs",
    4: "{0} alone right",
    5: "{0} alone errs",
    6: "{1} alone right",
    7: "{2} alone right",
    8: "all three wrong",
}
"""Labels for seats that hold other models than supervisor, student and ceiling."""


def own_seats(triplet: Triplet) -> bool:
    """Return whether each of the three sits in the seat of its own role."""
    return tuple(model.role for model in triplet.all) == SEATS


@dataclass(frozen=True)
class CellView:
    number: int
    count: int
    share: str
    percent: float
    """The percentage of the largest cell, for the bar."""
    label: str
    reading: str
    query: str
    chosen: bool


@dataclass(frozen=True)
class Heading:
    """The heading of a row, a column or a part of one, for all its cells at once."""

    count: int
    query: str
    chosen: bool


class Matrix:
    def __init__(self, cells: Mapping[int, int], view: View, triplet: Triplet, titles: list[str], classes: int | None) -> None:
        self.counts, self.view, self.titles = cells, view, titles
        own = own_seats(triplet)
        labels = eight_cells(classes) if own else {cell: text.format(*titles) for cell, text in OTHERS.items()}
        most = max(*self.counts.values(), 1)
        rows = max(sum(cells.values()), 1)
        self.cells = [
            CellView(
                number=cell,
                count=number,
                share=f"{100 * number / rows:.1f}%",
                percent=round(100 * number / most, 1),
                label=labels[cell],
                reading=READINGS.get(cell, "") if own else "",
                query=self._toggle((cell,)),
                chosen=cell in view.cell,
            )
            for cell, number in self.counts.items()
        ]

    @property
    def rows(self) -> list[tuple[Heading, list[CellView]]]:
        return [(self._heading(1, 2, 3, 4), self.cells[:4]), (self._heading(5, 6, 7, 8), self.cells[4:])]

    @property
    def columns(self) -> list[Heading]:
        return [self._heading(1, 2, 5, 6), self._heading(3, 4, 7, 8)]

    @property
    def thirds(self) -> list[Heading]:
        """The headings of the two halves of each column, by the third model."""
        return [self._heading(cell, cell + 4) for cell in CELLS[:4]]

    @property
    def words(self) -> str:
        """The chosen cells in words, such as “supervisor wrong, student right”."""
        cells = self.view.cell or tuple(CELLS)
        words = []
        for bit, title in zip((4, 2, 1), self.titles, strict=True):
            wrong = {bool(cell - 1 & bit) for cell in cells}
            if len(wrong) == 1:
                words.append(f"{lower(title)} {'wrong' if wrong.pop() else 'right'}")
        return ", ".join(words)

    def _heading(self, *cells: int) -> Heading:
        return Heading(sum(self.counts[cell] for cell in cells), self._toggle(cells), self.view.cell == cells)

    def _toggle(self, cells: tuple[int, ...]) -> str:
        """Return the query that chooses these cells, or, where they are chosen, one that lets them go."""
        return self.view.but(cell=() if self.view.cell == cells else cells).query()
