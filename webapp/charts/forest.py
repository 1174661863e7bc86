"""Differences of methods from a baseline, a point with its interval for each data set and pair, and the line of no difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.intervals import Estimate
from webapp.charts.cache import remembered
from webapp.charts.layers import fitted
from webapp.charts.numbers import points, points_interval
from webapp.charts.pointed import about, counted
from webapp.charts.roles import Look

ROW = 40
LABEL, NAME = 240, 34
"""Pixels and letters of a label; a longer name is cut, since its number tells it apart."""


@dataclass(frozen=True)
class Difference:
    """In accuracy, of students by one method from those by the baseline, in one place."""

    place: str
    method: str
    look: Look
    difference: Estimate
    seeds: int = 0


@remembered
def forest_chart(found: Sequence[Difference], baseline: str) -> dict[str, Any]:
    rows = [
        {
            "place": clipped(one.place),
            "method": one.method,
            "about": about(
                one.method,
                one.place,
                f"{points(one.difference.value)} points {points_interval(one.difference)}",
                counted(one.seeds),
            ),
            "value": 100 * one.difference.value,
            "low": 100 * (one.difference.low if one.difference.low is not None else one.difference.value),
            "high": 100 * (one.difference.high if one.difference.high is not None else one.difference.value),
        }
        for one in found
    ]
    methods = list(dict.fromkeys(one.method for one in found))
    looks = {one.method: one.look for one in found}
    colour = alt.Color("method:N", legend=None, scale=alt.Scale(domain=methods, range=[looks[name].colour for name in methods]))
    x = alt.X("value:Q", axis=alt.Axis(title="Points over the baseline", titleAnchor="start", format="+.1~f", domain=True))
    axis = alt.Axis(title=None, labelLimit=LABEL, labelExpr="split(datum.label, '\\n')")
    y = alt.Y("place:N", sort=list(dict.fromkeys(clipped(one.place) for one in found)), axis=axis)
    markers = alt.Scale(domain=methods, range=[looks[name].marker for name in methods])
    shape = alt.Shape("method:N", legend=None, scale=markers)
    shift = alt.YOffset("method:N", sort=methods)
    base = alt.Chart(alt.InlineData(values=rows))
    nothing = alt.Chart(alt.InlineData(values=[{"value": 0}])).mark_rule(color="var(--rule-2)").encode(alt.X("value:Q"))
    layers = [
        nothing,
        base.mark_rule(strokeWidth=1.6).encode(alt.X("low:Q"), alt.X2("high:Q"), y, shift, colour),
        base.mark_point(filled=True, size=46, opacity=1).encode(x, y, shift, colour, shape),
    ]
    return fitted(
        layers,
        height=alt.Step(max(ROW, 14 * len(methods)), **{"for": "position"}),
        description=f"Difference in accuracy from {baseline}, with 95% intervals. " + "; ".join(map(words, found)),
    )


def words(one: Difference) -> str:
    return f"{one.method} on {' '.join(one.place.split())}: {points(one.difference.value)} {points_interval(one.difference)}"


def clipped(place: str) -> str:
    return "\n".join(line if len(line) <= NAME else f"{line[: NAME - 1]}…" for line in place.split("\n"))
