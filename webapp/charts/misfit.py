"""Gain against misfit: the gain of a student over its supervisor, its distance from the supervisor, and the line y = x."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.diagnostics import Point
from webapp.charts.cache import cached
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.styles import Style
from webapp.charts.tooltips import about

HEIGHT = 260


@dataclass(frozen=True)
class Students:
    """A method's students, one point for each seed."""

    title: str
    style: Style
    points: Sequence[Point]


@cached
def misfit_chart(students: Sequence[Students], gain: str, misfit: str) -> dict[str, Any]:
    """Return the spec; ``gain`` and ``misfit`` are the titles of the axes."""
    gains, misfits = ([getattr(point, name) for method in students for point in method.points] for name in ("gain", "misfit"))
    reach = 1.1 * max(misfits) or 1.0
    margin = 0.06 * (max(*gains, reach) - min(*gains, 0))
    x = alt.X(
        "misfit:Q",
        scale=alt.Scale(domain=[0, reach], nice=False),
        axis=alt.Axis(title=misfit, titleAnchor="start", tickCount=5, format=".3~f", labelExpr=SHORT, domain=True),
    )
    y = alt.Y(
        "gain:Q",
        scale=alt.Scale(domain=[min(*gains, 0) - margin, max(*gains, reach) + margin], nice=False),
        axis=alt.Axis(title=gain, titleAnchor="start", tickCount=5, format=".3~f", labelExpr=SHORT),
    )
    ends = [{"misfit": end, "gain": end} for end in (0, reach)]
    layers: list[Any] = [alt.Chart(alt.InlineData(values=ends)).mark_line(color="var(--rule-2)").encode(x, y)]
    for method in students:
        rows = [
            {"seed": point.seed, "misfit": point.misfit, "gain": point.gain, "about": tooltip(method.title, point)}
            for point in method.points
        ]
        mark: dict[str, Any] = {
            "filled": True,
            "size": 60,
            "opacity": 0.85,
            "color": method.style.colour,
            "shape": method.style.marker,
        }
        layers.append(alt.Chart(alt.InlineData(values=rows)).mark_point(**mark).encode(x, y))
    return fitted(
        layers,
        height=HEIGHT,
        description=f"{gain} against {misfit}, a point for each seed. {'; '.join(map(words, students))}.",
    )


def tooltip(title: str, point: Point) -> str:
    return about(title, f"gain {rate(point.gain)}", f"misfit {rate(point.misfit)}", f"seed {point.seed}")


def words(students: Students) -> str:
    """Return the means, and the number of points on or above the line."""
    points = students.points
    above = sum(point.gain >= point.misfit for point in points)
    gain, misfit = (sum(getattr(point, name) for point in points) / len(points) for name in ("gain", "misfit"))
    return f"{students.title}: mean gain {rate(gain)}, mean misfit {rate(misfit)}, {above} of {len(points)} on or above y = x"
