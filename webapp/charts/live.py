"""The live chart: test accuracy, agreement with the supervisor and training loss of one pair, filled row by row in the browser.

A row of the data set "live" is ``{run, series, seed, total, step, metric, value}`` with metric "accuracy", "agreement_right",
"agreement_wrong", "loss", "weight" or "threshold"; ``series`` is the id of a ``Series`` of this chart, ``total`` the run's number
of steps. Three parameters are set by the page: ``EACH`` shows every seed, ``HIDDEN`` are the ids of series that are left out, and
``FOCUS`` is the id of the one that is singled out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from webapp.charts.cache import remembered
from webapp.charts.panel import AXIS, EACH, FOCUS, HIDDEN, LEAD, ROOM, Panel
from webapp.charts.roles import CEILING, WEAK, Look, student_looks

LETTER = 6.7
"""Pixels of a letter of a name, about."""

MOST_MARGIN = 164
"""Pixels that names may take of a narrow chart; longer ones are cut there."""

RATES = (0.0, 1.0)
"""Where shares end: a band that is wider is cut."""


@dataclass(frozen=True)
class Series:
    """What the page wants drawn as one line: a role, for a student with its method, over all seeds. ``steps`` is its length.

    One that ``reads`` learns texts, and has a loss alone. ``own`` are the metrics of its method's own view, "weight" and
    "threshold", that it has values of.
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
    """One panel: the ``metric`` of the ``lines``, on an axis that has at least ``domain``.

    A line of the subtitle has at most 55 letters, which is what a phone shows.
    """

    title: str
    subtitle: str
    metric: str
    height: int
    domain: tuple[float, float]
    lines: int
    ends: tuple[float, float] | None = RATES


@remembered
def live_chart(series: Sequence[Series], total_steps: int, seeds: int = 1) -> dict[str, Any]:
    """The spec of the empty chart; ``total_steps`` is the length of the longest series and the end of the x axis, ``seeds`` how
    many each series has.
    """
    looks = series_looks(series)
    panel = Panel(series, total_steps, _scales(series, looks))
    found = plots(series, seeds > 1)
    titles = " and ".join(", ".join(one.title for one in found).capitalize().rsplit(", ", 1))
    longest = AXIS + LEAD + round(LETTER * (max(len(one.title) for one in series) + len(" .718")))
    margin = {"wide": max(158, longest), "narrow": min(MOST_MARGIN, max(136, longest))}
    chart = alt.vconcat(
        *(panel.draw(index, plot, last=index == len(found) - 1) for index, plot in enumerate(found)),
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
    """Those that something is to be drawn in."""
    n, students = len(series), sum(one.role == "student" for one in series)
    if all(one.reads for one in series):
        return [Plot("Training loss", "of the texts, nats per token", "loss", 196, (2, 4), n, None)]
    seeds = "mean over seeds, 95% band over seeds\nthin lines: at work" if over_seeds else "one seed"
    found = [Plot("Test accuracy", f"to the last step; {seeds}", "accuracy", 196, (0.5, 0.8), n)]
    if students:  # only they have somebody to agree with
        found += [
            Plot(f"Agreement with the supervisor where it is {half}", "share of these test examples", name, 130, ends, students)
            for half, name, ends in (("right", "agreement_right", (0.7, 1.0)), ("wrong", "agreement_wrong", (0.3, 0.7)))
        ]
    learner = "each run learns" if n > 1 else "it learns"
    found.append(Plot("Training loss", f"against the labels that {learner} from", "loss", 120, (0.5, 0.7), n, None))
    for name, title, subtitle, height, ends in OWN:
        if lines := sum(name in one.own for one in series):
            found.append(Plot(title, subtitle, name, height, ends, lines))
    return found


OWN = (
    ("weight", "Weight of the student’s own view", "in the loss", 90, (0.0, 0.6)),
    ("threshold", "Threshold of its guess", "of the batch at each point; above it the guess is 1", 110, (0.3, 0.7)),
)
