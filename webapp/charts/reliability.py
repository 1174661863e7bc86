"""A reliability diagram: how often models are right when they are so sure, against the diagonal on which both are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.calibration import Bin
from webapp.charts.cache import remembered
from webapp.charts.dashes import dash_name, dashes
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.pointed import about, counted
from webapp.charts.roles import Look

HEIGHT = 260


@dataclass(frozen=True)
class Reliable:
    """The bins of one model, and its expected error."""

    title: str
    look: Look
    bins: Sequence[Bin]
    error: float


@remembered
def reliability_chart(models: Sequence[Reliable], classes: int, rightly: str) -> dict[str, Any]:
    """``rightly`` says what counts as right: share that is right. A point is as large as its bin has examples."""
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
    most = max(one.count for model in models for one in model.bins)
    size = alt.Size("count:Q", legend=None, scale=alt.Scale(domain=[0, most], range=[12, 160]))
    dash = dashes([model.look for model in models])
    ends = [{"confidence": end, "right": end} for end in (lowest, 1.0)]
    layers: list[Any] = [alt.Chart(alt.InlineData(values=ends)).mark_line(color="var(--rule-2)").encode(x, y)]
    for model in models:
        data = alt.Chart(alt.InlineData(values=rows_of(model)))
        layers.append(data.mark_line(color=model.look.colour).encode(x, y, dash))
        layers.append(
            data.mark_point(filled=True, opacity=1, color=model.look.colour, shape=model.look.marker).encode(x, y, size)
        )
    words = "; ".join(f"{model.title}: expected calibration error {rate(model.error)}" for model in models)
    return fitted(
        layers,
        height=HEIGHT,
        description=f"{rightly.capitalize()} by confidence. {words}.",
    )


def rows_of(model: Reliable) -> list[dict[str, Any]]:
    named = {"dash": dash_name(model.look)}
    return [
        {"confidence": one.confidence, "right": one.right, "count": one.count, "about": told_of(model.title, one), **named}
        for one in model.bins
    ]


def told_of(title: str, one: Bin) -> str:
    return about(title, f"confidence {rate(one.confidence)}", f"share {rate(one.right)}", counted(round(one.count), "example"))
