"""The gap bar: from supervisor (PGR 0) to ceiling (PGR 1) on the accuracy axis, filled up to each method's student."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from training.metrics.intervals import Estimate
from training.metrics.results import Group
from webapp.charts.cache import cached
from webapp.charts.layers import fitted
from webapp.charts.numbers import rate, rate_interval
from webapp.charts.styles import CEILING, WEAK, Style, student_styles
from webapp.charts.tooltips import about, counted, estimated

TOP = 46
ROW, CLOSE_ROW, MANY = 88, 62, 5
"""Pixels from bar to bar with up to ``MANY`` methods, and with more."""
BAR = 18
TICK = 30
WIDE = 7.2
"""Approximate pixels of a character: a label that would overlap its neighbour or leave the plot is moved."""

PALE = 0.55
"""Opacity of provisional marks."""

Row = dict[str, Any]
Layer = Any


@cached
def gap_chart(groups: Sequence[Group], titles: Sequence[str]) -> dict[str, Any] | None:
    """Return the spec for all methods of one pair, in order, under their ``titles``; None while no seed of any is complete.

    A group in state ok shows PGR and its interval as a point and a whisker. Any other group has no PGR, so no point: its row
    shows the interval of the student's accuracy, and in state unresolved also arrows, since PGR could lie anywhere.
    """
    styles = student_styles([group.method for group in groups])
    shown = [(group, title, style) for group, title, style in zip(groups, titles, styles, strict=True) if group.student]
    if not shown:
        return None
    widest = max((group for group, _, _ in shown), key=lambda group: len(group.seeds))
    weak, ceiling = widest.weak, widest.ceiling
    assert weak is not None
    assert ceiling is not None
    low, high = axis_range([group for group, _, _ in shown], weak, ceiling)
    resolved = any(group.pgr for group, _, _ in shown)
    row = ROW if len(shown) <= MANY else CLOSE_ROW
    height = TOP + row * len(shown) + ((18 if row == ROW else 26) if resolved else 0)
    draw = _Drawing(low, high, height)
    layers = [*ends(draw, weak, ceiling), *(scale_of_pgr(draw, weak.value, ceiling.value) if resolved else [])]
    middles = [height - row * (len(shown) - index) + (50 if row == ROW else 38) for index in range(len(shown))]
    tracks = [middle for (group, _, _), middle in zip(shown, middles, strict=True) if group.pgr]
    layers += [draw.box(weak.value, ceiling.value, y - BAR / 2, y + BAR / 2, color="var(--track)") for y in tracks]
    layers.append(lines(draw, weak, ceiling))
    for (group, title, style), middle in zip(shown, middles, strict=True):
        layers += resolved_row(draw, group, title, style, middle) if group.pgr else open_row(draw, group, title, style, middle)
        layers.append(draw.box(low, high, middle - 34, middle + TICK / 2 + 4, tooltip(group, title), opacity=0))
    return fitted(layers, height, describe(shown, weak, ceiling))


def describe(shown: Sequence[tuple[Group, str, Style]], weak: Estimate, ceiling: Estimate) -> str:
    rows = [
        f"{title}: accuracy {rate(group.student.value)}, "
        + (f"PGR {rate(group.pgr.value, 2)} {rate_interval(group.pgr, 2)}" if group.pgr else f"PGR {group.state}")
        for group, title, _ in shown
        if group.student
    ]
    return f"Weak supervisor {rate(weak.value)}, strong ceiling {rate(ceiling.value)}. {'; '.join(rows)}."


def tooltip(group: Group, title: str) -> str:
    estimates = [("accuracy", group.student), ("PGR", group.pgr), ("gain", group.gain)]
    facts = [estimated(name, estimate) for name, estimate in estimates if estimate]
    return about(title, *facts, "" if group.pgr else f"PGR {group.state}", counted(len(group.seeds)))


def axis_range(groups: Sequence[Group], weak: Estimate, ceiling: Estimate) -> tuple[float, float]:
    """Return the range of accuracies and their intervals, and of PGR intervals up to 60% beyond the gap, plus a margin."""
    seen = [weak, ceiling, *(group.student for group in groups if group.student)]
    low, high = min(e.low if e.low is not None else e.value for e in seen), max(e.high or e.value for e in seen)
    gap = ceiling.value - weak.value
    for group in groups:
        if group.pgr and group.pgr.low is not None and group.pgr.high is not None:
            low = min(low, weak.value + max(group.pgr.low, -0.6) * gap)
            high = max(high, weak.value + min(group.pgr.high, 1.6) * gap)
    margin = 0.03 * (high - low) or 0.01
    return low - margin, high + margin


NARROW = 0.05
"""The range of accuracies below which six ticks are closer than a hundredth."""


class _Drawing:
    """Marks on a plane with accuracy to the right and pixels down."""

    def __init__(self, low: float, high: float, height: int) -> None:
        self.low, self.high, self.height = low, high, height
        axis = alt.Axis(
            title="Test accuracy",
            titleAnchor="start",
            tickCount=6,
            format=".3f" if high - low < NARROW else ".2f",
            domain=True,
            labelExpr="replace(datum.label, '0.', '.')",
        )
        self.x = alt.X("x:Q", scale=alt.Scale(domain=[low, high], nice=False, zero=False), axis=axis)
        self.y = alt.Y("y:Q", scale=alt.Scale(domain=[0, height], range=[0, height]), axis=None)

    def base(self, row: Row) -> Layer:
        encodings: list[Any] = [self.x, self.y]
        encodings += [alt.X2("x2")] if "x2" in row else []
        encodings += [alt.Y2("y2")] if "y2" in row else []
        return alt.Chart(alt.InlineData(values=[row])).encode(*encodings)

    def box(self, x: float, x2: float, y: float, y2: float, about: str = "", **mark: Any) -> Layer:
        """Return a rectangle; ``about`` is its tooltip."""
        row = {"x": x, "x2": x2, "y": y, "y2": y2} | ({"about": about} if about else {})
        return self.base(row).mark_rect(**mark)

    def across(self, x: float, x2: float, y: float, **mark: Any) -> Layer:
        return self.base({"x": x, "x2": x2, "y": y}).mark_rule(**mark)

    def down(self, x: float, y: float, y2: float, **mark: Any) -> Layer:
        return self.base({"x": x, "y": y, "y2": y2}).mark_rule(**mark)

    def arrow(self, left: bool, y: float, colour: str) -> Layer:
        """Return an arrow head at the edge of the plot, pointing outwards."""
        edge = self.low if left else self.high
        return self.base({"x": edge, "y": y}).mark_point(
            shape="triangle-left" if left else "triangle-right",
            size=50,
            filled=True,
            color=colour,
            opacity=1,
            xOffset=4 if left else -4,
        )

    def text(self, x: float, y: float, text: str | alt.ExprRef, **mark: Any) -> Layer:
        return (
            self.base({"x": x, "y": y}).mark_text(**{"baseline": "middle", "align": "left", **mark}).encode(alt.TextValue(text))
        )

    def readable(self, x: float, y: float, text: str | alt.ExprRef, **mark: Any) -> list[Layer]:
        """Return a text with an outline in the colour of the page, so that a line behind it does not cross it."""
        outline = {"color": "var(--bg)", "stroke": "var(--bg)", "strokeWidth": 4, "strokeJoin": "round", "aria": False}
        return [self.text(x, y, text, **mark | outline), self.text(x, y, text, **mark)]

    def share(self, width: float) -> float:
        return abs(width) / (self.high - self.low)


def ends(draw: _Drawing, weak: Estimate, ceiling: Estimate) -> list[Layer]:
    """Return the intervals of both ends as pale bands, with names above the lines, or at the edges if the lines are close."""
    layers: list[Layer] = []
    for estimate, style, name in ((weak, WEAK, "Weak supervisor"), (ceiling, CEILING, "Strong ceiling")):
        if estimate.low is not None and estimate.high is not None:
            text = about(name, estimated("accuracy", estimate))
            layers.append(draw.box(estimate.low, estimate.high, TOP, draw.height, text, color=style.colour, opacity=0.11))
    apart = draw.share(ceiling.value - weak.value) >= 0.6 and ceiling.value > weak.value
    inverted = ceiling.value < weak.value
    for estimate, style, name, left in (
        (weak, WEAK, "Weak supervisor", not inverted),
        (ceiling, CEILING, "Strong ceiling", inverted),
    ):
        x = estimate.value if apart else draw.low if left else draw.high
        place = {"align": "left" if left else "right"}
        layers.append(draw.text(x, 12, name, fontSize=13, fontWeight=600, color=style.text, **place))
        layers.append(draw.text(x, 31, f"{rate(estimate.value)} {rate_interval(estimate)}", color="var(--ink-3)", **place))
    return layers


def lines(draw: _Drawing, weak: Estimate, ceiling: Estimate) -> Layer:
    """Return both ends as lines, in one layer: a dash is valid only in the range of a scale, not as a property of a mark."""
    rows = [
        {"x": estimate.value, "y": TOP, "y2": draw.height, "role": style.token}
        for estimate, style in ((weak, WEAK), (ceiling, CEILING))
    ]
    domain = [WEAK.token, CEILING.token]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rule(strokeWidth=2)
        .encode(
            draw.x,
            draw.y,
            alt.Y2("y2"),
            alt.Stroke("role:N", legend=None, scale=alt.Scale(domain=domain, range=[WEAK.colour, CEILING.colour])),
            alt.StrokeDash("role:N", legend=None, scale=alt.Scale(domain=domain, range=[WEAK.dash, CEILING.dash])),
        )
    )


def scale_of_pgr(draw: _Drawing, weak: float, ceiling: float) -> list[Layer]:
    y, gap = TOP + 14, ceiling - weak
    zero = alt.ExprRef("width < 560 ? '0' : 'PGR 0'")
    layers: list[Layer] = [draw.text(weak, y, zero, dx=7, fontSize=11, color="var(--ink-3)")]
    layers.append(draw.text(ceiling, y, "1", dx=-7, align="right", fontSize=11, color="var(--ink-3)"))
    for tick in (0.25, 0.5, 0.75):
        text = alt.ExprRef(f"width < 560 && {tick} != 0.5 ? '' : '{rate(tick, 2)}'")
        layers.append(draw.text(weak + tick * gap, y, text, align="center", fontSize=11, color="var(--ink-3)"))
        layers.append(draw.down(weak + tick * gap, y + 11, draw.height, color="var(--rule)"))
    return layers


def resolved_row(draw: _Drawing, group: Group, title: str, style: Style, middle: float) -> list[Layer]:
    """Return fill, whisker and point of a PGR. A negative PGR is hollow; a whisker that leaves the axis ends in an arrow."""
    pgr, weak, ceiling = group.pgr, group.weak, group.ceiling
    assert pgr is not None
    assert weak is not None
    assert ceiling is not None
    assert pgr.low is not None
    assert pgr.high is not None
    start, gap = weak.value, ceiling.value - weak.value
    pale = {"opacity": PALE} if group.provisional else {"opacity": 1}
    point, top, bottom = start + pgr.value * gap, middle - BAR / 2, middle + BAR / 2
    ends_at = start + pgr.low * gap, start + pgr.high * gap
    low, high = max(ends_at[0], draw.low), min(ends_at[1], draw.high)
    layers: list[Layer] = []
    if point >= weak.value:
        layers.append(draw.box(weak.value, point, top, bottom, color=style.colour, **pale))
        inside = (weak.value, point)
    else:
        layers.append(draw.box(point, weak.value, top, bottom, fill="var(--bg)", stroke=style.colour, strokeWidth=1.5, **pale))
        inside = (point, point)
    for x, x2, colour in whisker(low, high, inside):
        layers.append(draw.across(x, x2, middle, color=colour, strokeWidth=2))
    for end, left, leaves in ((low, True, ends_at[0] < draw.low), (high, False, ends_at[1] > draw.high)):
        colour = "var(--bg)" if inside[0] < end < inside[1] else "var(--ink)"
        layers.append(
            draw.arrow(left, middle, colour) if leaves else draw.down(end, middle - 4, middle + 4, color=colour, strokeWidth=2)
        )
    layers.append(draw.down(point, middle - TICK / 2, middle + TICK / 2, color="var(--ink)", strokeWidth=2.5))
    layers += names(
        draw, title, style, middle - 27, (start, point), f"PGR {rate(pgr.value, 2)}  {rate_interval(pgr, 2)}", seeds_text(group)
    )
    return layers


def seeds_text(group: Group) -> str:
    return f"  {len(group.seeds)} of {len(group.seeds) + len(group.missing)} seeds" if group.provisional else ""


def names(draw: _Drawing, title: str, style: Style, y: float, xs: tuple[float, float], label: str, more: str) -> list[Layer]:
    """Return the method's name at the supervisor's line and its PGR at the point, moved apart and into the plot if necessary.

    ``more`` follows the label if the plot is wide.
    """
    narrow = "width < 560"
    name, gap, margin = WIDE * len(title), 12, 6
    label_width = f"({narrow} ? {WIDE * len(label):.0f} : {WIDE * len(label + more):.0f})"
    line, at = (f"scale('x', {x!r})" for x in xs)
    label_at = f"min(max({at}, {line} + {margin + name + gap:.0f}), width - {label_width})"
    name_at = f"max(0, min({line} + {margin}, {label_at} - {name + gap:.0f}))"
    text = alt.ExprRef(f"{narrow} ? '{label}' : '{label}{more}'") if more else label
    dx = alt.ExprRef(f"{name_at} - {line}"), alt.ExprRef(f"{label_at} - {at}")
    return [
        *draw.readable(xs[0], y, title, dx=dx[0], fontSize=12.5, fontWeight=600, color=style.text),
        *draw.readable(xs[1], y, text, dx=dx[1], fontSize=12.5, fontWeight=500, color="var(--ink)"),
    ]


def whisker(low: float, high: float, inside: tuple[float, float]) -> list[tuple[float, float, str]]:
    """Return the line from ``low`` to ``high`` in pieces: in the background colour on the fill, in ink elsewhere."""
    cuts = sorted({low, high, *(min(max(edge, low), high) for edge in inside)})
    return [
        (a, b, "var(--bg)" if inside[0] <= a and b <= inside[1] and inside[0] < inside[1] else "var(--ink)")
        for a, b in pairwise(cuts)
    ]


def open_row(draw: _Drawing, group: Group, title: str, style: Style, middle: float) -> list[Layer]:
    """Return the row of a student without PGR: the interval of its accuracy, with arrows to both sides if PGR is unresolved."""
    student = group.student
    assert student is not None
    low, high = (student.value if end is None else end for end in (student.low, student.high))
    label = f"accuracy {rate(student.value)} {rate_interval(student)}"
    name = WIDE * len(title)
    dx = f"min(0, width - scale('x', datum.x) - {name + WIDE * len(label):.0f})"
    anywhere = [
        draw.across(draw.low, draw.high, middle, color=style.colour, strokeWidth=1),
        draw.arrow(True, middle, style.colour),
        draw.arrow(False, middle, style.colour),
    ]
    return [
        *(anywhere if group.state == "unresolved" else []),
        draw.across(low, high, middle, color=style.colour, strokeWidth=5),
        *draw.readable(low, middle - 18, title, dx=alt.ExprRef(dx), fontSize=12.5, fontWeight=600, color=style.text),
        *draw.readable(low, middle - 18, label, dx=alt.ExprRef(f"{name + 8:.0f} + {dx}"), color="var(--ink-3)"),
    ]
