"""The chart of curves: the metrics of the runs of one pair over training steps.

The spec has a data set for each layer of each panel, empty here. static/js/curves.js fills them, from the events of a page or
from the rows of a report, ``{series, seed, total, step, metric, value}`` in the data set "live": ``metric`` is the name of a
``Metric`` of webapp/charts/metrics.py, ``series`` the id of a ``Series`` of this chart, and ``total`` the run's number of steps.
``usermeta.curves`` says what it needs to know of series and panels. The page sets the parameters ``FIRST_X`` and ``LAST_X``, the
ends of the axis, and ``FOCUS``, the id of the highlighted series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from training.metrics.intervals import t_quantile
from training.spec import MOST_SEEDS
from webapp.charts import metrics
from webapp.charts.cache import cached
from webapp.charts.layers import stacked
from webapp.charts.panel import AXIS, FIRST_X, FOCUS, LABEL_WIDTH, LAST_X, LEAD, Panel
from webapp.charts.styles import CEILING, WEAK, Style, student_styles

LETTER = 6.7
"""Approximate pixels of a character of a name."""

MOST_MARGIN = 180
"""Most pixels that names take of a narrow chart, enough for a weak supervisor and its value; longer names are cut there."""

MOST_NAMES = 24
"""Most names beside a panel that are kept apart. An experiment has fewer lines; in a comparison the reader hides some."""

HALF = [t_quantile(seeds - 1) for seeds in range(2, MOST_SEEDS + 1)]
"""Half the width of the 95% t interval of a mean in standard errors, for 2, 3 and more seeds."""


@dataclass(frozen=True)
class Series:
    """One line of the chart: a role, for a student with its method, over all seeds. ``steps`` is its length.

    A series that ``reads`` learns texts and has a loss alone. ``own`` names the metrics that it has and not every series has.
    ``style`` replaces the style of its role or method. A ``whole`` series is a curve also once it has finished, where another
    supervisor or ceiling is a level across the panel.
    """

    id: str
    role: Literal["weak", "student", "ceiling"]
    title: str
    steps: int
    method: str = ""
    reads: bool = False
    own: tuple[str, ...] = ()
    style: Style | None = None
    whole: bool = False


@dataclass(frozen=True)
class Plot:
    """One panel: the metric, its subtitle, and the number of lines."""

    metric: metrics.Metric
    subtitle: str
    lines: int

    @property
    def about(self) -> dict[str, Any]:
        """Return what static/js/curves.js needs to know of the panel."""
        metric = self.metric
        limits = metric.limits and list(metric.limits)
        about = {"metric": metric.name, "title": metric.title, "final": metric.final}
        return {**about, "limits": limits, "domain": list(metric.domain)}


@cached
def live_chart(series: Sequence[Series], total_steps: int, seeds: int = 1, hidden: Sequence[str] = ()) -> dict[str, Any]:
    """Return the spec of the empty chart, with ``seeds`` for each series.

    ``total_steps`` is the length of the longest series and the end of the x axis. Series whose ids are ``hidden`` are shown only
    once the reader wants them.
    """
    styles = series_styles(series)
    panel = Panel(_scales(series, styles))
    drawn = plots(series, seeds > 1)
    titles = " and ".join(", ".join(plot.metric.title for plot in drawn).capitalize().rsplit(", ", 1))
    longest = AXIS + LEAD + round(LETTER * (max(len(line.title) for line in series) + len(" .718")))
    margin = {"wide": max(158, longest), "narrow": min(MOST_MARGIN, max(136, longest))}
    curves = {
        "half": HALF,
        "last": total_steps,
        "students": any(line.role == "student" for line in series),
        "series": [{"id": line.id, "role": "student" if line.whole else line.role, "title": line.title} for line in series],
        "hidden": list(hidden),
        "panels": [plot.about for plot in drawn],
    }
    chart = stacked(
        [panel.draw(index, plot, last=index == len(drawn) - 1) for index, plot in enumerate(drawn)],
        data=alt.NamedData("live"),
        spacing=28,
        usermeta={
            "margin": margin,
            "hover": "steps",
            "last": total_steps,
            "axis": AXIS + LEAD,
            "series": about(series, styles),
            "curves": curves,
        },
        description=f"{titles} over training steps: " + ", ".join(line.title for line in series),
    )
    # Altair rejects a parameter of a whole concatenation, since it finds no view for it.
    values = {FIRST_X: 0, LAST_X: total_steps, FOCUS: "", LABEL_WIDTH: margin["wide"] - AXIS - LEAD}
    return {**chart, "params": [{"name": name, "value": value} for name, value in values.items()]}


def series_styles(series: Sequence[Series]) -> list[Style]:
    own = [line.method for line in series if line.role == "student" and line.style is None]
    students = iter(student_styles(own))
    roles = {"weak": WEAK, "ceiling": CEILING}
    return [line.style or roles.get(line.role) or next(students) for line in series]


def about(series: Sequence[Series], styles: Sequence[Style]) -> list[dict[str, str]]:
    """Return the entries of the legend: the name of each line, and its colours and dash in CSS."""
    return [
        {"id": line.id, "title": line.title, "token": style.token, "colour": style.colour, "dash": style.css_dash}
        for line, style in zip(series, styles, strict=True)
    ]


def _scales(series: Sequence[Series], styles: Sequence[Style]) -> dict[str, Any]:
    ids = [line.id for line in series]
    return {
        "stroke": alt.Stroke("series:N", legend=None, scale=alt.Scale(domain=ids, range=[style.colour for style in styles])),
        "fill": alt.Fill("series:N", legend=None, scale=alt.Scale(domain=ids, range=[style.text for style in styles])),
        "dash": alt.StrokeDash("series:N", legend=None, scale=alt.Scale(domain=ids, range=[style.dash for style in styles])),
    }


def plots(series: Sequence[Series], over_seeds: bool) -> list[Plot]:
    """Return the panels that have at least one line."""
    if all(line.reads for line in series):
        return [Plot(metrics.TEXT_LOSS, metrics.TEXT_LOSS.subtitle, len(series))]
    seeds = "mean over seeds, 95% band over seeds\nthin lines: in progress" if over_seeds else "one seed"
    learner = "each run learns" if len(series) > 1 else "it learns"
    return [
        Plot(metric, metric.subtitle.format(seeds=seeds, learner=learner), min(lines, MOST_NAMES))
        for metric in metrics.METRICS
        if (lines := sum(has(line, metric) for line in series))
    ]


def has(series: Series, metric: metrics.Metric) -> bool:
    """Return whether the series has a line in the panel of this metric."""
    match metric.drawn_for:
        case "every run":
            return True
        case "students":
            return series.role == "student"
        case "some runs":
            return metric.name in series.own
