"""One panel of the chart of curves: a layer for each kind of rows that static/js/curves.js makes.

Rows have ``series`` and where it applies ``x``, ``value``, ``low`` and ``high``. The bold line is the mean over seeds and the
band around it its interval; thin lines are seeds. "extent" has the least and the greatest of several points for which a row of
the line stands, "raw" the values of a smoothed line, "top" and "bottom" what has no place on the axis of y, "frame" values that
it includes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt

from webapp.charts.layers import layered

if TYPE_CHECKING:
    from webapp.charts.live import Plot

Layer = Any
"""A chart that can be a layer; Altair's own types for it differ from method to method."""

LINE_GAP = 14
"""Least distance between two names in pixels: the height of their characters, descenders included."""

FOCUS, LABEL_WIDTH, FIRST_X, LAST_X = "focus", "room", "xmin", "xmax"
"""The parameters of the chart; ``LABEL_WIDTH`` is the greatest width of a name in pixels. Stored specs contain their names."""

AXIS, LEAD = 34, 14
"""Pixels of the labels of the y axis, and between the plot and the names."""

MANY = 4
"""Number of lines beyond which bands are paler until a line is highlighted."""

SHAPES = {"nan": "triangle-right", "inf": "triangle-up", "-inf": "triangle-down", "zero": "triangle-down"}
"""The marks of values that have no place on the axis: not a number, infinite, and not above zero on a logarithmic axis."""

RATE_AXIS = alt.Axis(
    title=None, labelExpr="replace(datum.label, '0.', '.')", format=".3~f", tickCount=4, minExtent=AXIS, maxExtent=AXIS
)


@dataclass(frozen=True)
class Panel:
    scales: dict[str, Any]

    def draw(self, index: int, plot: "Plot", *, last: bool) -> dict[str, Any]:
        x = alt.X(
            "x:Q",
            scale=alt.Scale(domain=[alt.ExprRef(FIRST_X), alt.ExprRef(LAST_X)], nice=False),
            axis=alt.Axis(
                title="Training step" if last else None,
                titleAnchor="start",
                labels=last,
                ticks=last,
                domain=last,
                tickCount=5,
                format=",d",
                labelOverlap="greedy",
                labelSeparation=8,
            ),
        )
        scale = alt.Scale(zero=False, nice=True)
        y = alt.Y("value:Q", scale=scale, axis=RATE_AXIS)
        own_scale = f"concat_{index}_y"
        opacity = 0.14 if plot.lines <= MANY else 0.06
        line = rows(plot, "mean").mark_line(clip=True, opacity=faint()).encode(x, y, self.scales["stroke"], self.scales["dash"])
        layers: list[Layer] = [
            rows(plot, "seeds")
            .mark_line(strokeWidth=1, opacity=faint(0.3, 0.06), clip=True)
            .encode(x, y, self.scales["stroke"], alt.Detail("seed:N")),
            self.area(plot, "extent", x, scale, 0.2),
            self.area(plot, "band", x, scale, opacity),
            rows(plot, "level").mark_rule(strokeWidth=2, opacity=faint()).encode(y, self.scales["stroke"], self.scales["dash"]),
            rows(plot, "raw").mark_line(clip=True, strokeWidth=1, opacity=faint(0.35, 0.06)).encode(x, y, self.scales["stroke"]),
            line,
            *self.ends(plot, x, y, own_scale),
            self.marks(plot, "top", x, "4"),
            self.marks(plot, "bottom", x, f"range('{own_scale}')[0] - 4"),
            rows(plot, "frame").mark_point(opacity=0).encode(y),
        ]
        title = alt.TitleParams(plot.metric.title, subtitle=plot.subtitle.split("\n"), dx=-AXIS)
        height = max(plot.metric.height, LINE_GAP * plot.lines)
        return layered(layers, title=title, width="container", height=height)

    def area(self, plot: "Plot", layer: str, x: alt.X, scale: Any, opacity: float) -> Layer:
        pale = alt.ExprRef(f"!{FOCUS} ? {opacity} : {FOCUS} == datum.series ? 0.24 : 0.02")
        ends = alt.Y("low:Q", scale=scale, axis=RATE_AXIS), alt.Y2("high:Q")
        return rows(plot, layer).mark_area(opacity=pale, clip=True).encode(x, *ends, self.scales["fill"])

    def marks(self, plot: "Plot", edge: str, x: alt.X, y: str) -> Layer:
        """Return marks at the upper or the lower edge, at the pixel ``y``."""
        shape = alt.Shape("shape:N", legend=None, scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())))
        marks = rows(plot, edge).mark_point(size=70, strokeWidth=1.5, opacity=faint())
        return marks.encode(x, shape, self.scales["stroke"], alt.YValue(alt.ExprRef(y)))  # type: ignore[no-untyped-call]

    def ends(self, plot: "Plot", x: alt.X, y: alt.Y, scale: str) -> list[Layer]:
        """Return a dot at the end of each line, and its name in a column beside the plot, a minimum distance from the others.

        A name is halfway between two positions: pushed down by those above, and pushed up by those below. All are within the
        panel, which is high enough.
        """
        place_of = f"scale('{scale}', datum.{{}})".format
        near = range(1, plot.lines)
        pushed = [f"isValid(datum.above{n}) ? {place_of(f'above{n}')} + {n * LINE_GAP} : -1e9" for n in near]
        lifted = [f"isValid(datum.below{n}) ? {place_of(f'below{n}')} - {n * LINE_GAP} : 1e9" for n in near]
        between = f"(max({', '.join([place_of('value'), *pushed])}) + min({', '.join([place_of('value'), *lifted])})) / 2"
        first, below = f"{LINE_GAP / 2} + (datum.labels - datum.place) * {LINE_GAP}", f"(datum.place - 0.5) * {LINE_GAP}"
        apart = alt.ExprRef(f"min(max({between}, {first}), range('{scale}')[0] - ({below})) - {place_of('value')}")
        place: dict[str, Any] = {"align": "left", "baseline": "middle", "dx": LEAD, "dy": apart, "fontWeight": 500}
        beside = [(op, n, name) for n in near for op, name in (("lead", f"above{n}"), ("lag", f"below{n}"))]
        fields: Any = [{"op": op, "param": n, "field": "value", "as": name} for op, n, name in beside]
        fields += [{"op": "row_number", "as": "place"}]
        ends = rows(plot, "end")
        placed = ends.transform_joinaggregate(labels="count()").transform_window(
            window=fields, sort=[alt.SortField("value"), alt.SortField("series")], frame=[None, None]
        )
        lead = placed.mark_rule(strokeWidth=1, opacity=faint(0.5), x2Offset=LEAD - 3, y2Offset=apart, strokeDash=[1, 0])
        text = placed.mark_text(**place, limit=alt.ExprRef(LABEL_WIDTH), opacity=faint(1, 0.25))
        dot = ends.transform_filter("!datum.level").mark_point(size=14, strokeWidth=4, opacity=faint())
        return [
            dot.encode(x, y, self.scales["stroke"]),
            lead.encode(x, y, self.scales["stroke"], alt.X2Value("width"), alt.Y2("value:Q")),  # type: ignore[no-untyped-call]
            text.encode(y, self.scales["fill"], alt.XValue("width"), alt.Text("label:N")),  # type: ignore[no-untyped-call]
        ]


def rows(plot: "Plot", layer: str) -> alt.Chart:
    """Return a chart of the rows of a layer; each layer has a data set of its own, so that only what changed is drawn anew."""
    return alt.Chart(alt.NamedData(f"{plot.metric.name}:{layer}"))


def faint(shown: float = 1, other: float = 0.12) -> alt.ExprRef:
    """Return the opacity of a mark, lower if another series is highlighted."""
    return alt.ExprRef(f"{FOCUS} && {FOCUS} != datum.series ? {other} : {shown}")
