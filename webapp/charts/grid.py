"""PGR of one method over all pairs of models: supervisors down, students across. A cell without PGR shows its state."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from training.metrics.results import Group
from webapp.charts.cache import cached
from webapp.charts.layers import fitted
from webapp.charts.numbers import rate, rate_interval
from webapp.charts.styles import Style
from webapp.charts.tooltips import about, counted, estimated

ROW = 54
INTERVAL = 68
"""Approximate pixels of an interval. A narrower cell does not show it; the table of the pair does."""
FAINT, FULL = 0.06, 0.34
"""Opacity of the colour at PGR 0 and below, and at 1 and above: text is readable on it in both themes."""

Row = dict[str, Any]


@cached
def grid_chart(
    groups: Sequence[Group], weak: Mapping[str, str], strong: Mapping[str, str], title: str, style: Style
) -> dict[str, Any]:
    """Return the spec for the groups of one method; ``weak`` and ``strong`` are the titles of the models by name, in order."""
    rows = [row_of(group, weak[group.weak_model], strong[group.strong_model]) for group in groups]
    top = alt.Axis(orient="top", title=None, labelAngle=0, labelLimit=110, ticks=False, domain=False)
    left = alt.Axis(title=None, grid=False, labelLimit=110)
    x = alt.X("strong:N", axis=top, scale=alt.Scale(domain=list(strong.values()), paddingInner=0.03))
    y = alt.Y("weak:N", axis=left, scale=alt.Scale(domain=list(weak.values()), paddingInner=0.06))
    base = alt.Chart().encode(x, y)
    with_pgr, without_pgr = "datum.state == 'ok'", "datum.state != 'ok'"
    interval = f"width / {len(strong)} < {INTERVAL} ? '' : datum.interval"
    strength = alt.FillOpacity("pgr:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[FAINT, FULL], clamp=True))
    layers = [
        base.transform_filter(with_pgr).mark_rect(fill=style.colour).encode(strength),
        base.transform_filter(without_pgr).mark_rect(fill="var(--sunk)"),
        base.transform_filter(with_pgr)
        .mark_text(dy=-7, fontSize=14, fontWeight=600, color="var(--ink)")
        .encode(text=alt.Text("label:N")),
        base.transform_filter(with_pgr).mark_text(dy=10, fontSize=11, color="var(--ink-2)", text=alt.ExprRef(interval)),
        base.transform_filter(without_pgr).mark_text(fontSize=11.5, color="var(--ink-2)").encode(text=alt.Text("label:N")),
    ]
    return fitted(
        layers,
        data=alt.InlineData(values=rows),
        title=alt.TitleParams(title, color=style.text, offset=8),
        height=ROW * len(weak),
        description=describe(title, rows),
    )


def row_of(group: Group, weak: str, strong: str) -> Row:
    row: Row = {"weak": weak, "strong": strong, "state": group.state, "label": group.state, "interval": "", "pgr": None}
    if group.pgr:
        so_far = " so far" if group.provisional else ""
        row |= {"label": rate(group.pgr.value, 2) + so_far, "interval": rate_interval(group.pgr, 2), "pgr": group.pgr.value}
    facts = [f"PGR {row['label']} {row['interval']}", estimated("accuracy", group.student) if group.student else ""]
    return row | {"about": about(f"{weak} to {strong}", *facts, counted(len(group.seeds)))}


def describe(title: str, rows: Sequence[Row]) -> str:
    cells = [f"{row['weak']} to {row['strong']} " + f"{row['label']} {row['interval']}".strip() for row in rows]
    return f"PGR, {title}: {'; '.join(cells)}."
