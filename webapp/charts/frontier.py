"""Accuracy over the cost of labels: a point with its interval for each method, and the line of the best at each cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from webapp.charts.cache import cached
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.styles import Style
from webapp.charts.tooltips import about, counted

HEIGHT = 280


@dataclass(frozen=True)
class Point:
    """A method; if it is ``best``, nothing that costs less is as accurate."""

    title: str
    style: Style
    cost: float
    accuracy: float
    low: float
    high: float
    best: bool = False
    seeds: int = 0


@cached
def frontier_chart(points: Sequence[Point]) -> dict[str, Any]:
    """Return the spec for ``points`` in ascending order of cost, which is counted in true labels."""
    rows = [
        {"cost": point.cost, "accuracy": point.accuracy, "low": point.low, "high": point.high, "about": tooltip(point)}
        for point in points
    ]
    x = alt.X(
        "cost:Q",
        scale=alt.Scale(zero=True, nice=True),
        axis=alt.Axis(title="Cost of labels, in true labels", titleAnchor="start", tickCount=5, format=",d", domain=True),
    )
    y = alt.Y(
        "accuracy:Q",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(title="Test accuracy", titleAnchor="start", tickCount=5, format=".3~f", labelExpr=SHORT),
    )
    line = [row for row, point in zip(rows, points, strict=True) if point.best]
    layers: list[Any] = [
        alt.Chart(alt.InlineData(values=line)).mark_line(color="var(--rule-2)", interpolate="step-after").encode(x, y)
    ]
    for row, point in zip(rows, points, strict=True):
        mark = alt.Chart(alt.InlineData(values=[row]))
        layers.append(mark.mark_rule(color=point.style.colour, strokeWidth=1.4).encode(x, alt.Y("low:Q"), alt.Y2("high:Q")))
        layers.append(
            mark.mark_point(filled=True, size=60, opacity=1, color=point.style.colour, shape=point.style.marker).encode(x, y)
        )
    return fitted(
        layers,
        height=HEIGHT,
        description="Test accuracy over the cost of labels. " + "; ".join(map(words, points)),
    )


def tooltip(point: Point) -> str:
    interval = f"[{rate(point.low)}, {rate(point.high)}]"
    cost = f"cost of labels {point.cost:,.0f}" + (", the best at its cost" if point.best else "")
    return about(point.title, f"accuracy {rate(point.accuracy)} {interval}", cost, counted(point.seeds))


def words(point: Point) -> str:
    return f"{point.title}: {rate(point.accuracy)} for {point.cost:,.0f}" + (", the best at its cost" if point.best else "")
