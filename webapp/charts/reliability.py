"""A reliability diagram: the share of right answers by confidence, and the diagonal on which the two are equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.calibration import Bin
from webapp.charts.cache import cached
from webapp.charts.dashes import dash_name, dashes
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.styles import Style
from webapp.charts.tooltips import about, counted

HEIGHT = 260


@dataclass(frozen=True)
class Reliable:
    """The bins of one model, and its expected calibration error."""

    title: str
    style: Style
    bins: Sequence[Bin]
    error: float


@cached
def reliability_chart(models: Sequence[Reliable], classes: int, rightly: str) -> dict[str, Any]:
    """Return the spec; ``rightly`` names the share on the y axis. The size of a point is the number of examples in its bin."""
    lowest = 1 / classes
    x = alt.X(
        "confidence:Q",
        scale=alt.Scale(domain=[lowest, 1], nice=False),
        axis=alt.Axis(
            title="Confidence of the model", titleAnchor="start", tickCount=6, format=".1f", labelExpr=SHORT, domain=True
        ),
    )
    y = alt.Y(
        "right:Q",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(
            title=rightly.capitalize(), titleAnchor="start", values=[0, 0.25, 0.5, 0.75, 1], format=".2f", labelExpr=SHORT
        ),
    )
    most = max(bin_.count for model in models for bin_ in model.bins)
    size = alt.Size("count:Q", legend=None, scale=alt.Scale(domain=[0, most], range=[12, 160]))
    dash = dashes([model.style for model in models])
    ends = [{"confidence": end, "right": end} for end in (lowest, 1.0)]
    layers: list[Any] = [alt.Chart(alt.InlineData(values=ends)).mark_line(color="var(--rule-2)").encode(x, y)]
    for model in models:
        data = alt.Chart(alt.InlineData(values=rows_of(model)))
        layers.append(data.mark_line(color=model.style.colour).encode(x, y, dash))
        layers.append(
            data.mark_point(filled=True, opacity=1, color=model.style.colour, shape=model.style.marker).encode(x, y, size)
        )
    words = "; ".join(f"{model.title}: expected calibration error {rate(model.error)}" for model in models)
    return fitted(
        layers,
        height=HEIGHT,
        description=f"{rightly.capitalize()} by confidence. {words}.",
    )


def rows_of(model: Reliable) -> list[dict[str, Any]]:
    named = {"dash": dash_name(model.style)}
    return [
        {"confidence": bin_.confidence, "right": bin_.right, "count": bin_.count, "about": tooltip(model.title, bin_), **named}
        for bin_ in model.bins
    ]


def tooltip(title: str, bin_: Bin) -> str:
    return about(title, f"confidence {rate(bin_.confidence)}", f"share {rate(bin_.right)}", counted(round(bin_.count), "example"))
