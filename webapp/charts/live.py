"""The live chart: the metrics of the runs of one pair over training steps, filled row by row in the browser.

A row of the data set "live" is ``{run, series, seed, total, step, metric, value}``: ``metric`` is the name of a ``Metric`` of
webapp/charts/metrics.py, ``series`` the id of a ``Series`` of this chart, and ``total`` the run's number of steps. The page sets
three parameters: ``EACH`` shows every seed, ``HIDDEN`` lists the ids of hidden series, ``FOCUS`` is that of the highlighted one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from webapp.charts import metrics
from webapp.charts.cache import remembered
from webapp.charts.panel import AXIS, EACH, FOCUS, HIDDEN, LEAD, ROOM, Panel
from webapp.charts.roles import CEILING, WEAK, Look, student_looks

LETTER = 6.7
"""Pixels of a letter of a name, about."""

MOST_MARGIN = 164
"""Pixels that names may take of a narrow chart; longer ones are cut there."""


@dataclass(frozen=True)
class Series:
    """What the page wants drawn as one line: a role, for a student with its method, over all seeds. ``steps`` is its length.

    A series that ``reads`` learns texts and has a loss alone. ``own`` names the metrics of its method's own view that it has.
    """

    id: str
    role: Literal["weak", "student", "ceiling"]
    title: str
    steps: int
    method: str = ""
    reads: bool = False
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plot:
    """One panel: the metric, its subtitle, and the number of lines."""

    metric: metrics.Metric
    subtitle: str
    lines: int


@remembered
def live_chart(series: Sequence[Series], total_steps: int, seeds: int = 1) -> dict[str, Any]:
    """The spec of the empty chart; ``total_steps`` is the length of the longest series and the end of the x axis, ``seeds`` how
    many each series has.
    """
    looks = series_looks(series)
    panel = Panel(series, total_steps, _scales(series, looks))
    drawn = plots(series, seeds > 1)
    titles = " and ".join(", ".join(plot.metric.title for plot in drawn).capitalize().rsplit(", ", 1))
    longest = AXIS + LEAD + round(LETTER * (max(len(one.title) for one in series) + len(" .718")))
    margin = {"wide": max(158, longest), "narrow": min(MOST_MARGIN, max(136, longest))}
    chart = alt.vconcat(
        *(panel.draw(index, plot, last=index == len(drawn) - 1) for index, plot in enumerate(drawn)),
        data=alt.NamedData("live"),
        spacing=28,
        usermeta={"margin": margin, "hover": "steps", "last": total_steps, "axis": AXIS + LEAD, "series": about(series, looks)},
        description=f"{titles} over training steps: " + ", ".join(one.title for one in series),
    )
    # Not through Altair, which looks in vain for the view of a parameter of a whole concatenation.
    values = {EACH: False, HIDDEN: [], FOCUS: "", ROOM: margin["wide"] - AXIS - LEAD}
    return {**chart.to_dict(), "params": [{"name": name, "value": value} for name, value in values.items()]}


def series_looks(series: Sequence[Series]) -> list[Look]:
    students = iter(student_looks([one.method for one in series if one.role == "student"]))
    return [WEAK if one.role == "weak" else CEILING if one.role == "ceiling" else next(students) for one in series]


def about(series: Sequence[Series], looks: Sequence[Look]) -> list[dict[str, str]]:
    """What the page says of each line beside the chart: its name, colours and dash as CSS has them."""
    return [
        {"id": one.id, "title": one.title, "token": look.token, "colour": look.colour, "dash": look.css_dash}
        for one, look in zip(series, looks, strict=True)
    ]


def _scales(series: Sequence[Series], looks: Sequence[Look]) -> dict[str, Any]:
    ids = [one.id for one in series]
    return {
        "stroke": alt.Stroke("series:N", legend=None, scale=alt.Scale(domain=ids, range=[look.colour for look in looks])),
        "fill": alt.Fill("series:N", legend=None, scale=alt.Scale(domain=ids, range=[look.text for look in looks])),
        "dash": alt.StrokeDash("series:N", legend=None, scale=alt.Scale(domain=ids, range=[look.dash for look in looks])),
    }


def plots(series: Sequence[Series], over_seeds: bool) -> list[Plot]:
    """Return the panels that have at least one line."""
    if all(one.reads for one in series):
        return [Plot(metrics.TEXT_LOSS, metrics.TEXT_LOSS.subtitle, len(series))]
    seeds = "mean over seeds, 95% band over seeds\nthin lines: at work" if over_seeds else "one seed"
    learner = "each run learns" if len(series) > 1 else "it learns"
    return [
        Plot(metric, metric.subtitle.format(seeds=seeds, learner=learner), lines)
        for metric in metrics.METRICS
        if (lines := sum(has(one, metric) for one in series))
    ]


def has(series: Series, metric: metrics.Metric) -> bool:
    """Return whether the series has a line in the panel of this metric."""
    match metric.drawn_for:
        case "every run":
            return True
        case "students":
            return series.role == "student"
        case "own view":
            return metric.name in series.own
