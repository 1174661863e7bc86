"""One panel of the live chart: lines of means, bands, thin lines of seeds, and names beside the ends of lines.

The bold line is the mean over a series' finished seeds; until one has finished, it is the mean over all seeds that have started,
as far as each of them has points. So every point of a line is a mean over the same seeds, and a seed that starts late never pulls
the line back. The band around it is the 95% t interval of that mean, over seeds alone. Thin lines are seeds that have not
finished, or all seeds if the parameter ``EACH`` is true.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt

from training.metrics.intervals import t_quantile
from training.spec import MOST_SEEDS

if TYPE_CHECKING:
    from webapp.charts.live import Plot, Series

Layer = Any
"""A chart that can be a layer; Altair's own types for it differ from method to method."""

BUCKETS = 100
"""Number of slots of each seed's length in which steps are averaged over seeds, since halves differ in size."""

LINE_GAP = 14
"""Least distance between two names in pixels: the height of their characters, descenders included."""

EACH, HIDDEN, FOCUS, LABEL_WIDTH = "each", "hidden", "focus", "room"
"""The parameters of the chart; ``LABEL_WIDTH`` is the greatest width of a name in pixels. Stored specs contain their names."""

HALF = json.dumps([round(t_quantile(seeds - 1), 4) for seeds in range(2, MOST_SEEDS + 1)])
"""Half the width of the band in standard errors, for 2, 3 and more seeds."""

AXIS, LEAD = 34, 14
"""Pixels of the labels of the y axis, and between the plot and the names."""

MANY = 4
"""Number of lines beyond which bands are paler until a line is highlighted."""

RATE_AXIS = alt.Axis(
    title=None, labelExpr="replace(datum.label, '0.', '.')", format=".3~f", tickCount=4, minExtent=AXIS, maxExtent=AXIS
)


@dataclass(frozen=True)
class Panel:
    series: "Sequence[Series]"
    total_steps: int
    scales: dict[str, Any]

    @property
    def students(self) -> bool:
        """Return whether there are students; supervisor and ceiling end as levels only then."""
        return any(line.role == "student" for line in self.series)

    def of(self, values: dict[str, Any]) -> str:
        """Return a Vega expression for the value that belongs to the series of a row."""
        return f"({json.dumps(values)})[datum.series]"

    def draw(self, index: int, plot: "Plot", *, last: bool) -> Layer:
        x = alt.X(
            "step:Q",
            scale=alt.Scale(domain=[0, self.total_steps], nice=False),
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
        # Every layer has the domain: one that only some layers have would not include the rows of the others.
        at_least = alt.Scale(domain=alt.DomainUnionWith(unionWith=list(plot.metric.domain)), zero=False, nice=True)
        y = alt.Y("value:Q", scale=at_least, axis=RATE_AXIS)
        rows = alt.Chart().encode(x, y)
        height = max(plot.metric.height, LINE_GAP * plot.lines)
        layers: list[Layer] = [
            self.seeds(rows, plot),
            self.bands(rows, at_least, plot),
            self.levels(y, plot),
            self.means(rows, plot),
            self.labels(rows, plot, f"concat_{index}_y", height),
        ]
        title = alt.TitleParams(plot.metric.title, subtitle=plot.subtitle.split("\n"), dx=-AXIS)
        return alt.layer(*layers, title=title, width="container", height=height)

    def started(self, plot: "Plot") -> alt.Chart:
        """Return the visible rows of the metric, with ``role`` and ``finished``, the latter of the row's own seed."""
        return (
            alt.Chart()
            .transform_filter(alt.FieldEqualPredicate(field="metric", equal=plot.metric.name))
            .transform_filter(f"indexof({HIDDEN}, datum.series) < 0")
            .transform_joinaggregate(reached="max(step)", groupby=["series", "seed"])
            .transform_calculate(
                role=self.of({line.id: line.role for line in self.series}),
                slot=f"round(datum.step / datum.total * {BUCKETS})",
                finished="datum.reached >= datum.total",
            )
        )

    def averaged(self, plot: "Plot") -> alt.Chart:
        """Return one row for each slot of each series: the mean over its seeds (see the module). ``last`` marks its end.

        ``low`` and ``high`` are its 95% t interval within the limits of the metric, null for one seed.
        """
        ends = plot.metric.limits or (-1e9, 1e9)
        half = f"datum.error * {HALF}[datum.seeds - 2]"
        return (
            self.started(plot)
            .transform_joinaggregate(some="max(finished)", groupby=["series"])
            .transform_filter("datum.finished || !datum.some")
            .transform_joinaggregate(seeds="distinct(seed)", groupby=["series"])
            .transform_aggregate(
                value="mean(value)",
                error="stderr(value)",
                step="mean(step)",
                here="distinct(seed)",
                seeds="max(seeds)",
                finished="max(finished)",
                groupby=["series", "role", "slot"],
            )
            .transform_filter("datum.here == datum.seeds")
            .transform_joinaggregate(end="max(slot)", groupby=["series"])
            .transform_calculate(
                last="datum.slot == datum.end",
                level="datum.role != 'student' && datum.finished" if self.students else "false",
                low=f"datum.seeds > 1 ? max({ends[0]}, datum.value - {half}) : null",
                high=f"datum.seeds > 1 ? min({ends[1]}, datum.value + {half}) : null",
            )
        )

    def seeds(self, rows: alt.Chart, plot: "Plot") -> Layer:
        """Return seeds as thin lines: those in progress, or all if ``EACH``. Finished supervisors and ceilings are levels."""
        shown = f"!datum.finished || {EACH}" + (" && datum.role == 'student'" if self.students else "")
        mark = rows.mark_line(strokeWidth=1, opacity=faint(0.3, 0.06), clip=True)
        return through(self.started(plot).transform_filter(shown), mark.encode(self.scales["stroke"], detail=["seed:N"]))

    def bands(self, rows: alt.Chart, scale: alt.Scale, plot: "Plot") -> Layer:
        """Return the 95% t interval of each mean over two or more seeds."""
        pale = 0.14 if plot.lines <= MANY else 0.06
        opacity = alt.ExprRef(f"!{FOCUS} ? {pale} : {FOCUS} == datum.series ? 0.24 : 0.02")
        marks = rows.mark_area(opacity=opacity, clip=True).encode(
            alt.Y("low:Q", scale=scale, axis=RATE_AXIS), alt.Y2("high:Q"), self.scales["fill"]
        )
        return through(self.averaged(plot).transform_filter("!datum.level && datum.seeds > 1"), marks)

    def levels(self, y: alt.Y, plot: "Plot") -> Layer:
        """Return the final values of supervisor and ceiling as lines across the panel."""
        marks = alt.Chart().mark_rule(strokeWidth=2, opacity=faint()).encode(y, self.scales["stroke"], self.scales["dash"])
        wanted = "datum.level && datum.last" + ("" if plot.metric.final else " && false")
        return through(self.averaged(plot).transform_filter(wanted), marks)

    def means(self, rows: alt.Chart, plot: "Plot") -> Layer:
        line = rows.mark_line(clip=True, opacity=faint()).encode(self.scales["stroke"], self.scales["dash"])
        dot = rows.mark_point(size=14, strokeWidth=4, opacity=faint()).encode(self.scales["stroke"])
        return through(self.averaged(plot).transform_filter("!datum.level"), alt.layer(line, dot.transform_filter("datum.last")))

    def labels(self, rows: alt.Chart, plot: "Plot", scale: str, height: int) -> Layer:
        """Return the name of each line in a column beside the plot, joined to the line's end, a minimum distance apart.

        A label is halfway between two positions: pushed down by those above, and pushed up by those below. All are within the
        panel, which is high enough.
        """
        y = f"scale('{scale}', datum.{{}})".format
        near = range(1, plot.lines)
        pushed = [f"isValid(datum.above{n}) ? {y(f'above{n}')} + {n * LINE_GAP} : -1e9" for n in near]
        lifted = [f"isValid(datum.below{n}) ? {y(f'below{n}')} - {n * LINE_GAP} : 1e9" for n in near]
        between = f"(max({', '.join([y('value'), *pushed])}) + min({', '.join([y('value'), *lifted])})) / 2"
        first, below = f"{LINE_GAP / 2} + (datum.labels - datum.place) * {LINE_GAP}", f"(datum.place - 0.5) * {LINE_GAP}"
        apart = alt.ExprRef(f"min(max({between}, {first}), {height} - {below}) - {y('value')}")
        place: dict[str, Any] = {"align": "left", "baseline": "middle", "dx": LEAD, "dy": apart, "fontWeight": 500}
        end = alt.X(datum=self.total_steps)
        text = rows.mark_text(**place, limit=alt.ExprRef(LABEL_WIDTH), opacity=faint(1, 0.25))
        lead = rows.mark_rule(strokeWidth=1, opacity=faint(0.5), x2Offset=LEAD - 3, y2Offset=apart, strokeDash=[1, 0])
        ends = (
            self.averaged(plot)
            .transform_filter("datum.last" + ("" if plot.metric.final or not self.students else " && !datum.level"))
            .transform_calculate(
                step=f"datum.level ? {self.total_steps} : datum.step",
                label=self.of({line.id: line.title for line in self.series})
                + (" + replace(format(datum.value, ' .3f'), '0.', '.')" if plot.metric.final else ""),
            )
        )
        beside = [(op, n, name) for n in near for op, name in (("lead", f"above{n}"), ("lag", f"below{n}"))]
        fields: Any = [{"op": op, "param": n, "field": "value", "as": name} for op, n, name in beside]
        fields += [{"op": "row_number", "as": "place"}]
        ends = ends.transform_joinaggregate(labels="count()").transform_window(
            window=fields, sort=[alt.SortField("value"), alt.SortField("series")], frame=[None, None]
        )
        return through(
            ends,
            alt.layer(
                lead.encode(self.scales["stroke"], x2=alt.X2Datum(self.total_steps), y2="value:Q"),
                text.encode(self.scales["fill"], end, text="label:N"),
            ),
        )


def faint(shown: float = 1, other: float = 0.12) -> alt.ExprRef:
    """Return the opacity of a mark, lower if another series is highlighted."""
    return alt.ExprRef(f"{FOCUS} && {FOCUS} != datum.series ? {other} : {shown}")


def through(pipeline: alt.Chart, marks: Layer) -> Layer:
    """Return ``marks`` on the rows that ``pipeline`` makes. Transforming the marks would copy them at every transform."""
    marks.transform = pipeline.transform
    return marks
