"""Differences of methods from a baseline: a point with its interval for each data set and pair, and the line of no difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.intervals import Estimate
from webapp.charts.cache import cached
from webapp.charts.layers import fitted
from webapp.charts.numbers import points, points_interval
from webapp.charts.styles import Style
from webapp.charts.tooltips import about, counted

ROW = 40
LABEL, NAME = 240, 34
"""Pixels and characters of a label. A longer name is cut; its number still identifies the experiment."""


@dataclass(frozen=True)
class Difference:
    """The difference in accuracy between students of one method and of the baseline, in one place."""

    place: str
    method: str
    style: Style
    difference: Estimate
    seeds: int = 0


@cached
def forest_chart(differences: Sequence[Difference], baseline: str) -> dict[str, Any]:
    rows = [
        {
            "place": clipped(difference.place),
            "method": difference.method,
            "about": about(
                difference.method,
                difference.place,
                f"{points(difference.difference.value)} points {points_interval(difference.difference)}",
                counted(difference.seeds),
            ),
            "value": 100 * difference.difference.value,
            "low": 100 * (difference.difference.low if difference.difference.low is not None else difference.difference.value),
            "high": 100 * (difference.difference.high if difference.difference.high is not None else difference.difference.value),
        }
        for difference in differences
    ]
    methods = list(dict.fromkeys(difference.method for difference in differences))
    styles = {difference.method: difference.style for difference in differences}
    colour = alt.Color("method:N", legend=None, scale=alt.Scale(domain=methods, range=[styles[name].colour for name in methods]))
    x = alt.X("value:Q", axis=alt.Axis(title="Points over the baseline", titleAnchor="start", format="+.1~f", domain=True))
    axis = alt.Axis(title=None, labelLimit=LABEL, labelExpr="split(datum.label, '\\n')")
    y = alt.Y("place:N", sort=list(dict.fromkeys(clipped(difference.place) for difference in differences)), axis=axis)
    markers = alt.Scale(domain=methods, range=[styles[name].marker for name in methods])
    shape = alt.Shape("method:N", legend=None, scale=markers)
    shift = alt.YOffset("method:N", sort=methods)
    base = alt.Chart(alt.InlineData(values=rows))
    zero = alt.Chart(alt.InlineData(values=[{"value": 0}])).mark_rule(color="var(--rule-2)").encode(alt.X("value:Q"))
    layers = [
        zero,
        base.mark_rule(strokeWidth=1.6).encode(alt.X("low:Q"), alt.X2("high:Q"), y, shift, colour),
        base.mark_point(filled=True, size=46, opacity=1).encode(x, y, shift, colour, shape),
    ]
    return fitted(
        layers,
        height=alt.Step(max(ROW, 14 * len(methods)), **{"for": "position"}),
        description=f"Difference in accuracy from {baseline}, with 95% intervals. " + "; ".join(map(words, differences)),
    )


def words(difference: Difference) -> str:
    place, estimate = " ".join(difference.place.split()), difference.difference
    return f"{difference.method} on {place}: {points(estimate.value)} {points_interval(estimate)}"


def clipped(place: str) -> str:
    return "\n".join(line if len(line) <= NAME else f"{line[: NAME - 1]}…" for line in place.split("\n"))
