"""One example over training: the probability that each student gives to a class at every evaluation, and its flips."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from webapp.charts.cache import cached
from webapp.charts.dashes import dash_name, dashes
from webapp.charts.labels import spread
from webapp.charts.layers import layered
from webapp.charts.numbers import rate
from webapp.charts.panel import FOCUS
from webapp.charts.styles import Style

HEIGHT, LETTER, LABEL = 260, 6.7, 14

Layer = Any


@dataclass(frozen=True)
class Path:
    """A student's line, ``bold`` for the seed of the view. ``flip`` is the step at which it departs from its supervisor."""

    title: str
    style: Style
    steps: Sequence[int]
    prob: Sequence[float]
    bold: bool
    flip: int | None = None


@dataclass(frozen=True)
class Level:
    """The final probability of supervisor or ceiling."""

    title: str
    style: Style
    prob: float


@cached
def trajectory_chart(paths: Sequence[Path], levels: Sequence[Level], gold: int | None, of: str) -> dict[str, Any]:
    """Return the spec of the probability of the class ``of``: lines of students, levels of the others, a ring at each flip.

    With two classes the side of the ``gold`` label is tinted; with more (None) no side is.
    """
    last = max(path.steps[-1] for path in paths)
    x = alt.X(
        "step:Q",
        scale=alt.Scale(domain=[0, last], nice=False),
        axis=alt.Axis(title="Training step", titleAnchor="start", tickCount=5, format=",d", domain=True, labelOverlap="greedy"),
    )
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(title=None, values=[0, 0.5, 1], labelExpr="replace(datum.label, '0.', '.')", format=".1~f"),
    )
    dash = dashes([*(path.style for path in paths), *(level.style for level in levels)])
    layers: list[Layer] = [
        *(_side(gold, last, x, y) if gold is not None else []),
        *(_level(level, x, y, last, dash) for level in levels),
        *(_line(path, x, y, dash) for path in sorted(paths, key=lambda path: path.bold)),
        *(_flip(path, x, y) for path in paths if path.bold and path.flip is not None),
        *_labels(paths, levels, last, x, y),
    ]
    named: list[Level | Path] = [*levels, *(path for path in paths if path.bold)]
    series = [{"id": line.title, "title": line.title, "token": line.style.token} for line in named]
    longest = max(map(len, [*(path.title for path in paths), *(level.title for level in levels)])) + 5
    margin = round(LETTER * longest) + 44
    chart = layered(
        layers,
        width="container",
        height=HEIGHT,
        usermeta={"margin": {"wide": margin, "narrow": margin}, "hover": "steps", "last": last, "series": series},
        description=_words(paths, levels, of),
    )
    return {**chart, "params": [{"name": FOCUS, "value": ""}]}


def _side(gold: int, last: int, x: alt.X, y: alt.Y) -> list[Layer]:
    side = _data([{"step": 0, "end": last, "value": 0.5 * gold, "top": 0.5 + 0.5 * gold}])
    middle = _data([{"value": 0.5}])
    return [
        side.mark_rect(color="var(--sunk)").encode(x, alt.X2("end"), y, alt.Y2("top")),
        middle.mark_rule(color="var(--rule-2)").encode(y),
    ]


def _data(rows: list[dict[str, Any]]) -> Layer:
    return alt.Chart(alt.InlineData(values=rows))


def _line(path: Path, x: alt.X, y: alt.Y, dash: alt.StrokeDash) -> Layer:
    named = {"dash": dash_name(path.style), **({"series": path.title, "here": 1} if path.bold else {})}
    rows = [{"step": int(step), "value": float(prob), **named} for step, prob in zip(path.steps, path.prob, strict=True)]
    size = (
        {"strokeWidth": 2.2, "opacity": faint(path.title)}
        if path.bold
        else {"strokeWidth": 1, "opacity": faint(path.title, 0.45)}
    )
    return _data(rows).mark_line(color=path.style.colour, **size).encode(x, y, dash)


def _level(level: Level, x: alt.X, y: alt.Y, last: int, dash: alt.StrokeDash) -> Layer:
    named = {"dash": dash_name(level.style), "series": level.title, "here": 1}
    rows = [{"step": step, "value": level.prob, **named} for step in (0, last)]
    return _data(rows).mark_line(color=level.style.colour, opacity=faint(level.title)).encode(x, y, dash)


def faint(title: str, shown: float = 1) -> alt.ExprRef:
    """Return the opacity of a line, lower if a line with another title is highlighted."""
    return alt.ExprRef(f"{FOCUS} && {FOCUS} != {json.dumps(title)} ? 0.12 : {shown}")


def _flip(path: Path, x: alt.X, y: alt.Y) -> Layer:
    value = next(float(prob) for step, prob in zip(path.steps, path.prob, strict=True) if step == path.flip)
    mark = _data([{"step": path.flip, "value": value}])
    return mark.mark_point(filled=True, size=80, fill="var(--bg)", stroke=path.style.colour, strokeWidth=2.2, opacity=1).encode(
        x, y
    )


def _labels(paths: Sequence[Path], levels: Sequence[Level], last: int, x: alt.X, y: alt.Y) -> list[Layer]:
    """Return names at the ends of the lines, moved apart if they would overlap."""
    ends = [(level.prob, level.title, level.style) for level in levels]
    ends += [(float(path.prob[-1]), path.title, path.style) for path in paths if path.bold]
    layers: list[Layer] = []
    places = spread([(1 - prob) * HEIGHT for prob, _, _ in ends], LABEL, HEIGHT)
    for (prob, title, style), place in zip(ends, places, strict=True):
        label = _data([{"step": last, "value": prob, "text": f"{title} {rate(prob, 2)}"}])
        shift = place - (1 - prob) * HEIGHT
        layers.append(
            label.mark_text(align="left", dx=10, dy=shift, fontWeight=500, color=style.text, opacity=faint(title)).encode(
                x, y, alt.Text("text:N")
            )
        )
    return layers


def _words(paths: Sequence[Path], levels: Sequence[Level], of: str) -> str:
    ends = [f"{path.title} ends at {rate(float(path.prob[-1]), 2)}" for path in paths if path.bold]
    ends += [f"{level.title} gives {rate(level.prob, 2)}" for level in levels]
    return f"Probability of {of} over training steps: {', '.join(ends)}"
