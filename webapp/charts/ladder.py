"""Accuracy by strong model for one supervisor: the ceilings, the supervisor as a level, and the students between."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from training.metrics.intervals import Estimate
from training.metrics.results import Group
from webapp.charts.cache import cached
from webapp.charts.layers import fitted
from webapp.charts.numbers import rate, rate_interval
from webapp.charts.panel import RATE_AXIS
from webapp.charts.styles import CEILING, WEAK, student_styles
from webapp.charts.tooltips import about, counted

HEIGHT = 260
SPREAD = 0.5
"""Distance from the first student to the ceiling on an axis where two models are 1 apart, so that whiskers do not overlap."""

Row = dict[str, Any]


@cached
def ladder_chart(
    groups: Sequence[Group], weak: str, strong: Mapping[str, str], methods: Sequence[str], span: tuple[float, float]
) -> dict[str, Any] | None:
    """Return the spec for all groups whose supervisor is ``weak``; None while no seed of any is complete.

    ``strong`` has the titles of the strong models by name in order, ``methods`` the titles of the methods, and ``span`` the range
    of the accuracy axis.
    """
    shown = [group for group in groups if group.weak and group.student and group.ceiling]
    if not shown:
        return None
    kinds = {group.method_index: group.method for group in groups}
    styles = [*student_styles([kinds[index] for index in sorted(kinds)]), CEILING]
    ids = [*(f"m{index}" for index in sorted(kinds)), "ceiling"]
    rows = [row for group in shown for row in rows_of(group, strong[group.strong_model])]
    rows = list({(row["series"], row["strong"]): row for row in rows}.values())
    places = {title: place for place, title in enumerate(strong.values())}
    titles = {**{f"m{index}": methods[index] for index in kinds}, "ceiling": "ceiling"}
    for row in rows:
        row["about"] = tooltip(row, titles[row["series"]])
        row["place"] = places[row["strong"]] + SPREAD * (ids.index(row["series"]) / (len(ids) - 1) - 0.5)
    floor = max(shown, key=lambda group: len(group.seeds)).weak
    assert floor is not None
    y_scale = alt.Scale(domain=list(span), zero=False, nice=False)
    named = alt.Axis(
        title=None, values=list(places.values()), labelExpr=f"{json.dumps(list(strong.values()))}[datum.value]", labelLimit=110
    )
    x = alt.X("place:Q", scale=alt.Scale(domain=[-0.5, len(strong) - 0.5], nice=False), axis=named)
    y = alt.Y("value:Q", scale=y_scale, axis=RATE_AXIS)
    stroke = alt.Stroke("series:N", legend=None, scale=alt.Scale(domain=ids, range=[style.colour for style in styles]))
    fill = alt.Fill("series:N", legend=None, scale=alt.Scale(domain=ids, range=[style.colour for style in styles]))
    dashes = alt.Scale(
        domain=["weak", *ids], range=[style.dash for style in (WEAK, *styles)]
    )  # one for all layers, which share it
    dash = alt.StrokeDash("series:N", legend=None, scale=dashes)
    base = alt.Chart(alt.InlineData(values=rows)).encode(x, y)
    layers = [
        *floor_of(floor, y_scale, dash),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(stroke, dash),
        base.mark_rule(strokeWidth=1.5).encode(stroke, alt.Y("low:Q", scale=y_scale, axis=RATE_AXIS), alt.Y2("high:Q")),
        base.mark_point(size=34, opacity=1, strokeWidth=0).encode(fill),
    ]
    return fitted(
        layers,
        title=alt.TitleParams(f"Taught by {weak}", subtitle=f"supervisor {rate(floor.value)} {rate_interval(floor)}", offset=8),
        height=HEIGHT,
        description=describe(weak, floor, rows, titles),
    )


def rows_of(group: Group, strong: str) -> list[Row]:
    assert group.student is not None
    assert group.ceiling is not None
    lines = ((f"m{group.method_index}", group.student), ("ceiling", group.ceiling))
    return [
        {
            "series": name,
            "strong": strong,
            "value": accuracy.value,
            "low": accuracy.low,
            "high": accuracy.high,
            "seeds": len(group.seeds),
        }
        for name, accuracy in lines
    ]


def tooltip(row: Row, title: str) -> str:
    interval = "" if row["low"] is None else f" [{rate(row['low'])}, {rate(row['high'])}]"
    return about(title, row["strong"], f"accuracy {rate(row['value'])}{interval}", counted(row["seeds"]))


def floor_of(weak: Estimate, scale: alt.Scale, dash: alt.StrokeDash) -> list[Any]:
    """Return the supervisor: a line across all students, and its interval as a pale band."""
    row = {"series": "weak", "value": weak.value, "low": weak.low, "high": weak.high}
    chart = alt.Chart(alt.InlineData(values=[row]))
    return [
        chart.mark_rect(color=WEAK.colour, opacity=0.11, clip=True).encode(alt.Y("low:Q", scale=scale), alt.Y2("high:Q")),
        chart.mark_rule(color=WEAK.colour, strokeWidth=2).encode(alt.Y("value:Q", scale=scale), dash),
    ]


def span_of(groups: Sequence[Group]) -> tuple[float, float]:
    """Return the range of all accuracies with their intervals and a margin: one axis for the charts of all supervisors."""
    accuracies = [accuracy for group in groups for accuracy in (group.weak, group.student, group.ceiling) if accuracy]
    low = min((accuracy.value if accuracy.low is None else accuracy.low for accuracy in accuracies), default=0.0)
    high = max((accuracy.value if accuracy.high is None else accuracy.high for accuracy in accuracies), default=1.0)
    margin = 0.04 * (high - low) or 0.01
    return max(0.0, low - margin), min(1.0, high + margin)


def describe(weak: str, floor: Estimate, rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    models = dict.fromkeys(row["strong"] for row in rows)
    parts = [
        f"{model}: " + ", ".join(f"{titles[row['series']]} {rate(row['value'])}" for row in rows if row["strong"] == model)
        for model in models
    ]
    return f"Test accuracy taught by {weak}, supervisor {rate(floor.value)}. {'; '.join(parts)}."
