"""The parts of the gain: corrected errors of the supervisor minus new errors, with the net gain and its interval."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from training.metrics.results import Group
from webapp.cell_names import CORRECTED, NEW_ERROR
from webapp.charts.cache import cached
from webapp.charts.gap import whisker
from webapp.charts.layers import fitted
from webapp.charts.numbers import points, points_interval
from webapp.charts.styles import Style, student_styles
from webapp.charts.tooltips import about, counted

Row = dict[str, Any]
Layer = Any

ROW = 74
BAR = 18
TICK = 28


class _Plane:
    """Points of test accuracy to the right and pixels down; ``rows`` decide how far the axis reaches."""

    def __init__(self, rows: Sequence[Row]) -> None:
        highest = max(max(row["corrected"], row["high"]) for row in rows)
        lowest = min(min(row["lost"], row["low"]) for row in rows)
        margin = 0.24 * (highest - lowest) or 1
        self.height = ROW * len(rows)
        self._scale = alt.Scale(domain=[lowest - margin, highest + margin], nice=False)
        self._axis = alt.Axis(
            title="Points of test accuracy gained or lost against the supervisor",
            titleAnchor="start",
            tickCount=6,
            domain=True,
            labelExpr="(datum.value > 0 ? '+' : datum.value < 0 ? '−' : '') + abs(datum.value)",
        )

    def x(self, field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=self._scale, axis=self._axis)

    def y(self, field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=alt.Scale(domain=[0, self.height], range=[0, self.height]), axis=None)


@cached
def decomposition_chart(groups: Sequence[Group], titles: Sequence[str]) -> dict[str, Any] | None:
    """Return the spec for all methods of one pair, in order, under their ``titles``; None while no seed of any is complete."""
    styles = student_styles([group.method for group in groups])
    shown = [row for row in zip(groups, titles, styles, strict=True) if row[0].transitions]
    rows = [row_of(group, title, style, ROW * index + 44) for index, (group, title, style) in enumerate(shown)]
    if not rows:
        return None
    plane = _Plane(rows)
    return fitted(
        [*_bars(plane, rows), *_intervals(plane, rows), *_texts(plane, rows)],
        data=alt.InlineData(values=rows),
        height=plane.height,
        description=". ".join(
            f"{row['title']}: {row['corrected_label']}, {row['lost_label']}, {row['net_label']}" for row in rows
        )
        + ".",
    )


def _bars(plane: _Plane, rows: Sequence[Row]) -> list[Layer]:
    """Corrected errors as filled bars, new errors as hollow ones, and the line between them."""
    x, y, colours = plane.x, plane.y, [row["colour"] for row in rows]
    outline = alt.Stroke("id:N", legend=None, scale=_by_method(rows, colours))
    fill = alt.Color("id:N", legend=None, scale=_by_method(rows, colours))
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0, "top": 8, "bottom": plane.height}]))
    new_errors = alt.Chart().mark_rect(fill="var(--bg)", strokeWidth=1.5)
    return [
        alt.Chart().mark_rect().encode(x("corrected"), alt.X2(datum=0), y("top"), alt.Y2("bottom"), fill),
        new_errors.encode(x("lost"), alt.X2(datum=0), y("top"), alt.Y2("bottom"), outline),
        zero.mark_rule(color="var(--ink)", strokeWidth=1).encode(x("zero"), y("top"), alt.Y2("bottom")),
    ]


def _intervals(plane: _Plane, rows: Sequence[Row]) -> list[Layer]:
    """The interval of each net gain with its ends, and the net gain as a tick."""
    x, y = plane.x, plane.y
    tick = alt.Chart().mark_rule(color="var(--ink)", strokeWidth=3)
    return [
        *(rule(marks, colour, x("from"), alt.X2("to"), y("middle")) for colour, marks in pieces(rows).items()),
        *(rule(marks, colour, x("at"), y("cap"), alt.Y2("cap2")) for colour, marks in caps(rows).items()),
        tick.encode(x("net"), y("tick"), alt.Y2("tick2")),
    ]


def _texts(plane: _Plane, rows: Sequence[Row]) -> list[Layer]:
    """The labels of both bars, the title of each method and its net gain."""
    x, y = plane.x, plane.y
    fill = alt.Fill("id:N", legend=None, scale=_by_method(rows, [row["text"] for row in rows]))
    label: dict[str, Any] = {"color": "var(--ink-2)"}
    title = alt.Chart().mark_text(align="right", dx=-6, fontSize=12.5, fontWeight=600)
    net = alt.Chart().mark_text(align="left", dx=6, fontSize=12.5, fontWeight=500, color="var(--ink)")
    return [
        alt.Chart().mark_text(align="left", dx=7, text=fitting("corrected"), **label).encode(x("right"), y("middle")),
        alt.Chart().mark_text(align="right", dx=-7, text=fitting("lost"), **label).encode(x("left"), y("middle")),
        title.encode(x("zero"), y("name_y"), fill, alt.Text("title:N")),
        net.encode(x("zero"), y("name_y"), alt.Text("net_label:N")),
    ]


def _by_method(rows: Sequence[Row], colours: Sequence[str]) -> alt.Scale:
    return alt.Scale(domain=[row["id"] for row in rows], range=list(colours))


def fitting(name: str) -> alt.ExprRef:
    """Return the label of a bar, the number alone on a phone."""
    return alt.ExprRef(f"width < 560 ? datum.{name}_short : datum.{name}_label")


def rule(rows: list[Row], colour: str, *encodings: Any) -> Any:
    return alt.Chart(alt.InlineData(values=rows)).mark_rule(color=colour, strokeWidth=2).encode(*encodings)


def pieces(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the intervals of the net gains by colour: the background colour on a filled bar, ink elsewhere."""
    by_colour: dict[str, list[Row]] = {}
    for row in rows:
        for start, end, colour in whisker(row["low"], row["high"], (0, row["corrected"])):
            by_colour.setdefault(colour, []).append({"from": start, "to": end, "middle": row["middle"]})
    return by_colour


def caps(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the ends of these intervals by colour."""
    by_colour: dict[str, list[Row]] = {}
    for row in rows:
        for end in (row["low"], row["high"]):
            colour = "var(--bg)" if 0 < end < row["corrected"] else "var(--ink)"
            by_colour.setdefault(colour, []).append({"at": end, "cap": row["middle"] - 4, "cap2": row["middle"] + 4})
    return by_colour


def row_of(group: Group, title: str, style: Style, middle: float) -> Row:
    """Return shares in percentage points and positions in pixels from the top. Labels are placed beyond bar and interval."""
    cells, net = group.transitions, group.gain
    assert cells is not None
    assert net is not None
    corrected, lost = cells.corrected.share.value, cells.lost.share.value
    low, high = (net.value if end is None else end for end in (net.low, net.high))
    return {
        "id": str(group.method_index),
        "about": about(
            title,
            f"{points(corrected)} corrected",
            f"{points(-lost)} new errors",
            f"net {points(net.value)} {points_interval(net)}",
            counted(len(group.seeds)),
        ),
        "title": title,
        "colour": style.colour,
        "text": style.text,
        "zero": 0,
        "corrected": 100 * corrected,
        "lost": -100 * lost,
        "net": 100 * net.value,
        "low": 100 * low,
        "high": 100 * high,
        "right": 100 * max(corrected, high),
        "left": 100 * min(-lost, low),
        "corrected_short": points(corrected),
        "lost_short": points(-lost),
        "corrected_label": f"{points(corrected)} {CORRECTED}",
        "lost_label": f"{points(-lost)} {NEW_ERROR}s",
        "net_label": f"net {points(net.value)} {points_interval(net)}",
        "middle": middle,
        "top": middle - BAR / 2,
        "bottom": middle + BAR / 2,
        "tick": middle - TICK / 2,
        "tick2": middle + TICK / 2,
        "name_y": middle - 24,
    }
