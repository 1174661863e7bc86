"""Charts of the samples of the machine, one for each number, over the time since a run was claimed.

Their rows come from the events of a page (static/js/system.js): {run, series, at, value, about} in the data set "live". ``at``
is a time in milliseconds, ``about`` the text at the pointer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from webapp.charts.cache import cached
from webapp.charts.layers import layered
from webapp.charts.live import Series, series_styles

HEIGHT = 110

CLOCK = (
    "(datum.value >= 864e5 ? floor(datum.value / 864e5) + ' d ' : '')"
    " + utcFormat(datum.value, datum.value >= 36e5 ? '%-H:%M' : '%-M:%S')"
)
"""Minutes and seconds, from an hour on hours and minutes, as an expression of Vega."""


@dataclass(frozen=True)
class Panel:
    """A field of ``training.events.SystemSampled``, whose values are multiplied by ``scale`` and then in ``unit``."""

    field: str
    title: str
    unit: str
    scale: float = 1.0
    axis: str = ".3~g"
    """The format of the labels of the axis, in the language of d3."""


PANELS = (
    Panel("cores", "Processor", "cores at work"),
    Panel("memory", "Memory of the trainer", "GB", 1e-9),
    Panel("accelerator", "Accelerators", "% of the time busy", 100),
    Panel("accelerator_memory", "Memory of the accelerators", "GB in use", 1e-9),
    Panel("tokens_per_second", "Speed", "tokens a second", axis="~s"),
    Panel("examples_per_second", "Speed", "examples a second", axis="~s"),
)


@dataclass(frozen=True)
class SystemChart:
    panel: Panel
    spec: dict[str, Any]

    @property
    def id(self) -> str:
        return f"system-{self.panel.field.replace('_', '-')}"


def system_charts(series: Sequence[Series]) -> list[SystemChart]:
    """Return the empty charts, with a line for each run in the colour of its series."""
    return [SystemChart(panel, _spec(panel, series)) for panel in PANELS]


@cached
def _spec(panel: Panel, series: Sequence[Series]) -> dict[str, Any]:
    ids, colours = [line.id for line in series], [style.colour for style in series_styles(series)]
    time = alt.Axis(title=None, labelExpr=CLOCK, tickCount=4, labelOverlap="greedy")
    size = alt.Axis(title=None, tickCount=3, format=panel.axis, minExtent=34)
    rows = alt.Chart(alt.NamedData("live")).encode(
        x=alt.X("at:T", scale=alt.Scale(type="utc"), axis=time),
        y=alt.Y("value:Q", scale=alt.Scale(zero=True, nice=True), axis=size),
        stroke=alt.Stroke("series:N", legend=None, scale=alt.Scale(domain=ids, range=colours)),
        detail=alt.Detail("run:N"),
    )
    marks = rows.mark_line(strokeWidth=1.5), rows.mark_point(size=6, strokeWidth=2)
    return layered(
        marks,
        title=alt.TitleParams(panel.title, subtitle=panel.unit, dx=-34),
        width="container",
        height=HEIGHT,
        usermeta={"margin": {"wide": 48, "narrow": 48}, "axis": 34},
        description=f"{panel.title}, {panel.unit}, over the time since the run was claimed",
    )
