"""The histograms of a view, each with its range, as drawn on the page and as typed by a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from webapp.charts.histogram import brush_chart
from webapp.charts.numbers import rate
from webapp.example_queries.rows import Histogram
from webapp.example_queries.view import SEATS, View

TITLES = {"shift": "Apart, |p − p’|", "difficulty": "Difficulty", "flip": "Flip step", "length": "Words"}


@dataclass(frozen=True)
class Brush:
    name: str
    title: str
    histogram: Histogram
    low: float | None
    high: float | None

    @property
    def whole(self) -> bool:
        return self.histogram.axis.whole

    def text(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.whole:
            return f"{value:,.0f}"
        return rate(value, 2) if self.name in (*SEATS, "shift") else f"{value:.5g}".replace("-", "−")

    @property
    def start(self) -> str:
        return self.text(self.histogram.axis.low)

    @property
    def end(self) -> str:
        """The text at the end of the axis; the last bin of whole numbers holds all larger values too."""
        high = self.histogram.axis.high
        return f"{high - 1:,.0f}+" if self.whole else self.text(high)

    @property
    def typed(self) -> tuple[str, str]:
        low, high = (("" if end is None else f"{end:g}") for end in (self.low, self.high))
        return low, high

    @property
    def words(self) -> str:
        match self.low, self.high:
            case None, None:
                return "any"
            case low, None:
                return f"from {self.text(low)}"
            case None, high:
                return f"to {self.text(high)}"
        return f"{self.text(self.low)} to {self.text(self.high)}"

    @cached_property
    def drawing(self) -> str:
        axis, chosen = self.histogram.axis, None
        if (self.low, self.high) != (None, None):
            low = axis.low if self.low is None else self.low
            high = axis.high if self.high is None else self.high + self.whole
            chosen = ((low - axis.low) / (axis.high - axis.low), (high - axis.low) / (axis.high - axis.low))
        return brush_chart(self.histogram.all, self.histogram.shown, chosen, f"{self.title}: {self.words}")


def brushes_of(view: View, histograms: Mapping[str, Histogram], titles: list[str]) -> list[Brush]:
    """Return the histograms; the flip step has one only where a trajectory contains flips."""
    named = TITLES | dict(zip(SEATS, (f"{title} confidence" for title in titles), strict=True))
    named |= {f"{seat}_log": f"{title} log-prob." for seat, title in zip(SEATS, titles, strict=True)}
    known = [name for name in histograms if name != "flip" or any(histograms[name].all) or view.brushed(name)]
    return [Brush(name, named[name], histograms[name], *view.ends(name)) for name in known]
