"""Accuracy over the cost of labels: a point with its interval for each method, and the line of the best at each cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from webapp.charts.cache import remembered
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.pointed import about, counted
from webapp.charts.roles import Look

HEIGHT = 280


@dataclass(frozen=True)
class Point:
    """One that is ``best`` is matched by nothing that costs less."""

    title: str
    look: Look
    cost: float
    accuracy: float
    low: float
    high: float
    best: bool = False
    seeds: int = 0


@remembered
def frontier_chart(points: Sequence[Point]) -> dict[str, Any]:
    """``points`` ascend by cost, which is in true labels."""
    rows = [
        {"cost": one.cost, "accuracy": one.accuracy, "low": one.low, "high": one.high, "about": told_of(one)} for one in points
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
    line = [row for row, one in zip(rows, points, strict=True) if one.best]
    layers: list[Any] = [
        alt.Chart(alt.InlineData(values=line)).mark_line(color="var(--rule-2)", interpolate="step-after").encode(x, y)
    ]
    for row, one in zip(rows, points, strict=True):
        mark = alt.Chart(alt.InlineData(values=[row]))
        layers.append(mark.mark_rule(color=one.look.colour, strokeWidth=1.4).encode(x, alt.Y("low:Q"), alt.Y2("high:Q")))
        layers.append(mark.mark_point(filled=True, size=60, opacity=1, color=one.look.colour, shape=one.look.marker).encode(x, y))
    return fitted(
        layers,
        height=HEIGHT,
        description="Test accuracy over the cost of labels. " + "; ".join(map(words, points)),
    )


def told_of(one: Point) -> str:
    interval = f"[{rate(one.low)}, {rate(one.high)}]"
    cost = f"cost of labels {one.cost:,.0f}" + (", the best at its cost" if one.best else "")
    return about(one.title, f"accuracy {rate(one.accuracy)} {interval}", cost, counted(one.seeds))


def words(one: Point) -> str:
    return f"{one.title}: {rate(one.accuracy)} for {one.cost:,.0f}" + (", the best at its cost" if one.best else "")
