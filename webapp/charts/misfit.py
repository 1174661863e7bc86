"""Gain against misfit: how much better than its supervisor a student is, against how far it is from it, with the line y = x."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from training.metrics.diagnostics import Point
from webapp.charts.cache import remembered
from webapp.charts.layers import fitted
from webapp.charts.numbers import SHORT, rate
from webapp.charts.pointed import about
from webapp.charts.roles import Look

HEIGHT = 260


@dataclass(frozen=True)
class Students:
    """A method's students, one point for each seed."""

    title: str
    look: Look
    points: Sequence[Point]


@remembered
def misfit_chart(students: Sequence[Students], gain: str, misfit: str) -> dict[str, Any]:
    """``gain`` and ``misfit`` are the titles of the axes."""
    gains, misfits = ([getattr(point, name) for one in students for point in one.points] for name in ("gain", "misfit"))
    reach = 1.1 * max(misfits) or 1.0
    room = 0.06 * (max(*gains, reach) - min(*gains, 0))
    x = alt.X(
        "misfit:Q",
        scale=alt.Scale(domain=[0, reach], nice=False),
        axis=alt.Axis(title=misfit, titleAnchor="start", tickCount=5, format=".3~f", labelExpr=SHORT, domain=True),
    )
    y = alt.Y(
        "gain:Q",
        scale=alt.Scale(domain=[min(*gains, 0) - room, max(*gains, reach) + room], nice=False),
        axis=alt.Axis(title=gain, titleAnchor="start", tickCount=5, format=".3~f", labelExpr=SHORT),
    )
    ends = [{"misfit": end, "gain": end} for end in (0, reach)]
    layers: list[Any] = [alt.Chart(alt.InlineData(values=ends)).mark_line(color="var(--rule-2)").encode(x, y)]
    for one in students:
        rows = [
            {"seed": point.seed, "misfit": point.misfit, "gain": point.gain, "about": told_of(one.title, point)}
            for point in one.points
        ]
        mark: dict[str, Any] = {"filled": True, "size": 60, "opacity": 0.85, "color": one.look.colour, "shape": one.look.marker}
        layers.append(alt.Chart(alt.InlineData(values=rows)).mark_point(**mark).encode(x, y))
    return fitted(
        layers,
        height=HEIGHT,
        description=f"{gain} against {misfit}, a point for each seed. {'; '.join(map(words, students))}.",
    )


def told_of(title: str, point: Point) -> str:
    return about(title, f"gain {rate(point.gain)}", f"misfit {rate(point.misfit)}", f"seed {point.seed}")


def words(students: Students) -> str:
    """How many points lie on or above the line, and the means."""
    points = students.points
    above = sum(point.gain >= point.misfit for point in points)
    gain, misfit = (sum(getattr(point, name) for point in points) / len(points) for name in ("gain", "misfit"))
    return f"{students.title}: mean gain {rate(gain)}, mean misfit {rate(misfit)}, {above} of {len(points)} on or above y = x"
