"""The live chart: test accuracy, agreement with the supervisor and training loss of one pair, filled row by row in the browser.

A row of the data set "live" is ``{run, series, seed, total, step, metric, value}`` with metric "accuracy", "agreement_right",
"agreement_wrong", "loss", "weight" or "threshold"; ``series`` is the id of a ``Series`` of this chart, ``total`` the run's number
of steps. The bold line is the mean of a series' finished seeds, or until one has finished of all that have started, as far as
each of them has points: a seed that starts late never pulls the line back, and every point of a line is a mean over the same
seeds. The band around it is the 95% t interval of that mean, over seeds alone. Thin lines are seeds: those that have not
finished, and where the parameter ``EACH`` is true all of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import altair as alt

from training.metrics.intervals import t_quantile
from training.spec import MOST_SEEDS
from webapp.charts.roles import CEILING, WEAK, student_looks

Layer = Any
"""A chart that can stand in a layer; Altair's own types for it differ from method to method."""

BUCKETS = 100
"""Steps are averaged between seeds in this many slots of each seed's own length: a hash makes halves of unequal size."""

LINE_GAP = 14
"""Least distance of two labels, in pixels."""

NEIGHBOURS = 6
"""Labels on either side that one label makes room for."""

EACH = "each"
"""The parameter of the chart that shows every seed; a check box of the page sets it."""

HALF = json.dumps([round(t_quantile(seeds - 1), 4) for seeds in range(2, MOST_SEEDS + 1)])
"""Half the width of the band in standard errors, for 2, 3 and more seeds."""

AXIS, LABEL, LETTER = 34, 10, 6.7
"""Pixels that the labels of the y axis take, those between a line and its name, and those of a letter of the name, about."""

RATE_AXIS = alt.Axis(
    title=None, labelExpr="replace(datum.label, '0.', '.')", format=".3~f", tickCount=4, minExtent=AXIS, maxExtent=AXIS
)


@dataclass(frozen=True)
class Series:
    """What the page wants drawn as one line: a role, for a student with its method, over all seeds. ``steps`` is its length.

    One that ``reads`` learns texts, and has a loss alone. ``own_view`` is that of its method.
    """

    id: str
    role: Literal["weak", "student", "ceiling"]
    title: str
    steps: int
    method: str = ""
    reads: bool = False
    own_view: bool = False


def live_chart(series: Sequence[Series], total_steps: int, seeds: int = 1) -> dict[str, Any]:
    """The spec of the empty chart; ``total_steps`` is the length of the longest series and the end of the x axis, ``seeds`` how
    many each series has.
    """
    spec: dict[str, Any] = json.loads(_spec(tuple(series), total_steps, seeds > 1))
    return spec


@lru_cache(maxsize=256)
def _spec(series: tuple[Series, ...], total_steps: int, over_seeds: bool) -> str:
    """As JSON, and remembered: Altair takes a good part of a second, and a page is opened many times with the same chart."""
    students = iter(student_looks([one.method for one in series if one.role == "student"]))
    looks = [WEAK if one.role == "weak" else CEILING if one.role == "ceiling" else next(students) for one in series]
    ids = [one.id for one in series]
    scales = {
        "stroke": alt.Stroke("series:N", legend=None, scale=alt.Scale(domain=ids, range=[look.colour for look in looks])),
        "fill": alt.Fill("series:N", legend=None, scale=alt.Scale(domain=ids, range=[look.text for look in looks])),
        "dash": alt.StrokeDash("series:N", legend=None, scale=alt.Scale(domain=ids, range=[look.dash for look in looks])),
    }
    panel = _Panel(series, total_steps, scales)
    several = len(series) > 1
    learner = "each run learns" if several else "it learns"
    panels: list[tuple[str, str, list[str], int, tuple[float, float]]] = [
        (
            "Test accuracy",
            "to the last step; " + ("mean over seeds, 95% band over seeds; thin: at work" if over_seeds else "one seed"),
            ["accuracy"],
            196,
            (0.5, 0.8),
        ),
        ("Agreement with the supervisor", "where it is right, and where it is wrong", [*AGREEMENT], 180, (0.5, 0.9)),
        ("Training loss", f"against the labels that {learner} from", ["loss"], 120, (0.5, 0.7)),
    ]
    if all(one.reads for one in series):
        panels = [("Training loss", "of the texts, nats per token", ["loss"], 196, (2, 4))]
    elif not panel.students:  # only they have somebody to agree with
        del panels[1]
    if any(one.own_view for one in series):
        panels.append(("Weight of the student’s own view", "in the loss", ["weight"], 90, (0.0, 0.6)))
        about = "of the batch at each point; above it the guess is 1"
        panels.append(("Threshold of its guess", about, ["threshold"], 110, (0.3, 0.7)))
    titles = " and ".join(", ".join(title for title, *_ in panels).capitalize().rsplit(", ", 1))
    longest = AXIS + LABEL + round(LETTER * (max(len(one.title) for one in series) + len(" .718")))
    chart = alt.vconcat(
        *(panel.draw(index, *about, last=index == len(panels) - 1) for index, about in enumerate(panels)),
        data=alt.NamedData("live"),
        spacing=28,
        usermeta={"margin": {"wide": max(158, longest), "narrow": max(136, longest)}},
        description=f"{titles} over training steps: " + ", ".join(one.title for one in series),
    )
    # Not through Altair, which looks in vain for the view of a parameter of a whole concatenation.
    return json.dumps({**chart.to_dict(), "params": [{"name": EACH, "value": False}]})


AGREEMENT = {"agreement_right": ("supervisor right", "max", -13), "agreement_wrong": ("supervisor wrong", "min", 16)}


@dataclass(frozen=True)
class _Panel:
    series: Sequence[Series]
    total_steps: int
    scales: dict[str, Any]

    @property
    def students(self) -> bool:
        """Whether there are any: supervisor and ceiling end as a level only where somebody can be compared with it."""
        return any(one.role == "student" for one in self.series)

    def of(self, values: dict[str, Any]) -> str:
        """A Vega expression for the value that belongs to the series of a row."""
        return f"({json.dumps(values)})[datum.series]"

    def draw(
        self, index: int, title: str, subtitle: str, metrics: list[str], height: int, domain: tuple[float, float], *, last: bool
    ) -> Layer:
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
        # On every layer: a domain that only some of them state is that of their rows alone.
        at_least = alt.Scale(domain=alt.DomainUnionWith(unionWith=list(domain)), zero=False, nice=True)
        y = alt.Y("value:Q", scale=at_least, axis=RATE_AXIS)
        rows = alt.Chart().encode(x, y)
        layers: list[Layer] = [
            self.seeds(rows, metrics),
            self.bands(rows, at_least, metrics),
            self.levels(y, metrics),
            self.means(rows, metrics),
            self.labels(rows, metrics, f"concat_{index}_y"),
        ]
        if "agreement_right" in metrics:
            layers += [self.notes(y, metric) for metric in metrics]
        return alt.layer(*layers, title=alt.TitleParams(title, subtitle=subtitle, dx=-AXIS), width="container", height=height)

    def started(self, metrics: list[str]) -> alt.Chart:
        """Rows of these metrics with ``role`` and ``finished``, the latter about the row's own seed."""
        return (
            alt.Chart()
            .transform_filter(alt.FieldOneOfPredicate(field="metric", oneOf=metrics))
            .transform_joinaggregate(reached="max(step)", groupby=["series", "seed", "metric"])
            .transform_calculate(
                role=self.of({one.id: one.role for one in self.series}),
                slot=f"round(datum.step / datum.total * {BUCKETS})",
                finished="datum.reached >= datum.total",
            )
        )

    def averaged(self, metrics: list[str]) -> alt.Chart:
        """One row for each slot of each series: the mean over its seeds, see the module's docstring. ``last`` marks its end."""
        return (
            self.started(metrics)
            .transform_joinaggregate(some="max(finished)", groupby=["series", "metric"])
            .transform_filter("datum.finished || !datum.some")
            .transform_joinaggregate(seeds="distinct(seed)", groupby=["series", "metric"])
            .transform_aggregate(
                value="mean(value)",
                error="stderr(value)",
                step="mean(step)",
                here="distinct(seed)",
                seeds="max(seeds)",
                finished="max(finished)",
                groupby=["series", "role", "metric", "slot"],
            )
            .transform_filter("datum.here == datum.seeds")
            .transform_joinaggregate(end="max(slot)", groupby=["series", "metric"])
            .transform_calculate(
                last="datum.slot == datum.end",
                level="datum.role != 'student' && datum.finished" if self.students else "false",
            )
        )

    def seeds(self, rows: alt.Chart, metrics: list[str]) -> Layer:
        """Seeds as thin lines: those at work, on demand all. A level takes the place of finished supervisors and ceilings."""
        shown = f"!datum.finished || {EACH}" + (" && datum.role == 'student'" if self.students else "")
        marks = rows.mark_line(strokeWidth=1, opacity=0.3, clip=True).encode(self.scales["stroke"], detail=["seed:N", "metric:N"])
        return through(self.started(metrics).transform_filter(shown), marks)

    def bands(self, rows: alt.Chart, scale: alt.Scale, metrics: list[str]) -> Layer:
        """The 95% t interval of each mean over its seeds, where there are two or more."""
        band = (
            self.averaged(metrics)
            .transform_filter("!datum.level && datum.seeds > 1")
            .transform_calculate(half=f"datum.error * {HALF}[datum.seeds - 2]")
            .transform_calculate(low="datum.value - datum.half", high="datum.value + datum.half")
        )
        marks = rows.mark_area(opacity=0.14, clip=True).encode(
            alt.Y("low:Q", scale=scale, axis=RATE_AXIS), alt.Y2("high:Q"), self.scales["fill"], detail=["metric:N"]
        )
        return through(band, marks)

    def levels(self, y: alt.Y, metrics: list[str]) -> Layer:
        """Where supervisor and ceiling ended: a line across the panel."""
        marks = alt.Chart().mark_rule(strokeWidth=2).encode(y, self.scales["stroke"], self.scales["dash"])
        wanted = "datum.level && datum.last && datum.metric == 'accuracy'"
        return through(self.averaged(metrics).transform_filter(wanted), marks)

    def means(self, rows: alt.Chart, metrics: list[str]) -> Layer:
        line = rows.mark_line(clip=True).encode(self.scales["stroke"], self.scales["dash"], detail=["metric:N"])
        dot = rows.mark_point(size=14, strokeWidth=4, opacity=1).encode(self.scales["stroke"]).transform_filter("datum.last")
        return through(self.averaged(metrics).transform_filter("!datum.level"), alt.layer(line, dot))

    def labels(self, rows: alt.Chart, metrics: list[str], scale: str) -> Layer:
        """The name of each line at its end, over a halo, moved apart where several ends are near each other.

        Halfway between two ways to keep the distance: each label pushed down by those above, and each pushed up by those below.
        """
        y = f"scale('{scale}', datum.{{}})".format
        near = range(1, min(NEIGHBOURS, len(metrics) * len(self.series) - 1) + 1)
        pushed = [f"isValid(datum.above{n}) ? {y(f'above{n}')} + {n * LINE_GAP} : -1e9" for n in near]
        lifted = [f"isValid(datum.below{n}) ? {y(f'below{n}')} - {n * LINE_GAP} : 1e9" for n in near]
        apart = f"(max({', '.join([y('value'), *pushed])}) + min({', '.join([y('value'), *lifted])})) / 2 - {y('value')}"
        place: dict[str, Any] = {"align": "left", "baseline": "middle", "dx": 8, "dy": alt.ExprRef(apart), "fontWeight": 500}
        halo = rows.mark_text(**place, stroke="var(--bg)", strokeWidth=4, strokeJoin="round").encode(text="label:N")
        marks = alt.layer(halo, rows.mark_text(**place).encode(self.scales["fill"], text="label:N"))
        ends = (
            self.averaged(metrics)
            .transform_filter("datum.last && (!datum.level || datum.metric == 'accuracy')")
            .transform_calculate(
                step=f"datum.level ? {self.total_steps} : datum.step",
                label=self.of({one.id: one.title for one in self.series})
                + " + (datum.metric == 'accuracy' ? replace(format(datum.value, ' .3f'), '0.', '.') : '')",
            )
        )
        beside = [(op, n, name) for n in near for op, name in (("lead", f"above{n}"), ("lag", f"below{n}"))]
        if beside:
            fields: Any = [{"op": op, "param": n, "field": "value", "as": name} for op, n, name in beside]
            ends = ends.transform_window(window=fields, sort=[alt.SortField("value")], frame=[None, None])
        return through(ends, marks)

    def notes(self, y: alt.Y, metric: str) -> Layer:
        """Says beside the lines which half of the test set they are about."""
        text, extreme, dy = AGREEMENT[metric]
        place: dict[str, Any] = {"align": "right", "baseline": "middle", "dy": dy}
        base = alt.Chart().encode(y, x=alt.datum(self.total_steps), text=alt.value(text))
        halo = base.mark_text(**place, stroke="var(--bg)", strokeWidth=4, strokeJoin="round")
        marks = alt.layer(halo, base.mark_text(**place, color="var(--ink-3)"))
        ends = self.averaged([metric]).transform_filter("datum.last")
        return through(ends.transform_aggregate(value=f"{extreme}(value)", groupby=["metric"]), marks)


def through(pipeline: alt.Chart, marks: Layer) -> Layer:
    """``marks`` on the rows that ``pipeline`` makes. Transforming the marks themselves would copy all of them at every step."""
    marks.transform = pipeline.transform
    return marks
