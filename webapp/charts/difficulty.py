"""Accuracy by the confidence of the supervisor: the parts of the test set in which a student exceeds its labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.intervals import Estimate
from webapp.charts.cache import cached
from webapp.charts.dashes import dash_name, dashes
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.styles import Style
from webapp.charts.tooltips import about, counted, estimated

HEIGHT, APART = 280, 0.05
"""Pixels, and the distance between the whiskers of two models, in parts."""


@dataclass(frozen=True)
class Accuracies:
    """The accuracy of one model in each part of the test set, from the supervisor's least sure to its surest examples."""

    title: str
    style: Style
    parts: Sequence[Estimate | None]
    seeds: int = 0


@cached
def difficulty_chart(models: Sequence[Accuracies]) -> dict[str, Any]:
    parts = max(len(model.parts) for model in models)
    x = alt.X(
        "part:Q",
        scale=alt.Scale(domain=[0.8, parts + 0.2], nice=False),
        axis=alt.Axis(
            title="Fifth of the test set by the supervisor’s confidence" if parts == 5 else "Part of the test set",
            titleAnchor="start",
            values=list(range(1, parts + 1)),
            labelExpr=f"datum.value == 1 ? 'least sure' : datum.value == {parts} ? 'surest' : datum.label",
            format="d",
            domain=True,
        ),
    )
    known = [
        end
        for model in models
        for estimate in model.parts
        if estimate
        for end in (estimate.value, estimate.low, estimate.high)
        if end is not None
    ]
    scale = alt.Scale(domain=[max(0, min(known) - 0.02), min(1, max(known) + 0.02)], nice=False)
    axis = alt.Axis(title="Accuracy", titleAnchor="start", tickCount=5, format=".2f", labelExpr=SHORT)
    y, low = (alt.Y(f"{name}:Q", scale=scale, axis=axis) for name in ("accuracy", "low"))
    dash = dashes([model.style for model in models])
    layers: list[Any] = []
    for place, model in enumerate(models):
        data = alt.Chart(alt.InlineData(values=rows_of(model, APART * (place - (len(models) - 1) / 2))))
        layers.append(data.mark_rule(color=model.style.colour, opacity=0.5).encode(x, low, alt.Y2("high")))
        layers.append(data.mark_line(color=model.style.colour).encode(x, y, dash))
        layers.append(
            data.mark_point(filled=True, size=36, opacity=1, color=model.style.colour, shape=model.style.marker).encode(x, y)
        )
    return fitted(
        layers,
        height=HEIGHT,
        description=f"Accuracy from the supervisor’s least sure to its surest examples. {'; '.join(map(words, models))}.",
    )


def rows_of(model: Accuracies, shift: float) -> list[dict[str, Any]]:
    """Return a row for each part with an estimate. An end that is not finite becomes 0 or 1, the limits of an accuracy."""
    return [
        {
            "part": part + shift,
            "accuracy": estimate.value,
            "about": about(
                model.title,
                f"part {part} of {len(model.parts)}, from the least sure",
                estimated("accuracy", estimate),
                counted(model.seeds),
            ),
            "low": 0 if estimate.low is None else estimate.low,
            "high": 1 if estimate.high is None else estimate.high,
            "dash": dash_name(model.style),
        }
        for part, estimate in enumerate(model.parts, 1)
        if estimate
    ]


def words(model: Accuracies) -> str:
    return f"{model.title}: {', '.join(rate(estimate.value) if estimate else 'none' for estimate in model.parts)}"
