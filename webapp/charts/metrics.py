"""The metrics that curves show: the fields of events they come from, and the panels of the live chart that they are drawn in.

The chart, the page's script (``for_scripts``), the rows of a report and the sockets of live shares all read ``METRICS``: a metric
that is added here is drawn from new events and from stored ones. ``AXES`` are the numbers that curves may be drawn over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal

EventKind = Literal["metric", "evaluation"]

SHARE = (0.0, 1.0)
"""The limits of a share: a band that is wider is cut there."""


@dataclass(frozen=True)
class Metric:
    """One number of the events of a run, and its panel.

    ``name`` is the value of ``metric`` in the rows of the chart, and ``field`` the field of events of the kind ``event`` that
    holds the number. The subtitle may contain ``{seeds}`` and ``{learner}``; each of its lines has at most 55 characters, as many
    as a phone shows. The axis covers at least ``domain``.
    """

    name: str
    event: EventKind
    field: str
    title: str
    subtitle: str
    height: int
    domain: tuple[float, float]
    limits: tuple[float, float] | None = SHARE
    """Values beyond which nothing is drawn; None for a metric without limits."""
    drawn_for: Literal["every run", "students", "some runs"] = "every run"
    """The series in the panel: all, students, or those that name the metric in ``Series.own``."""
    final: bool = False
    """The value at the last step is written beside the line, and supervisor and ceiling end as levels across the panel."""
    expected: bool = False
    """Every event of this kind has the number, so the page reports a value that is not finite."""
    extremes: str = ""
    """The field of the event with the extremes of the steps that the number is the mean of (``training.events.Extremes``)."""


LOSS = Metric(
    name="loss",
    event="metric",
    field="loss",
    title="Training loss",
    subtitle="against the labels that {learner} from",
    height=120,
    domain=(0.5, 0.7),
    limits=None,
    expected=True,
    extremes="extremes",
)

TEXT_LOSS = replace(LOSS, subtitle="of the texts, nats per token", height=196, domain=(2, 4))
"""The loss of a run that learns texts, which has no other metric."""

METRICS = (
    Metric(
        name="accuracy",
        event="evaluation",
        field="accuracy",
        title="Test accuracy",
        subtitle="to the last step; {seeds}",
        height=196,
        domain=(0.5, 0.8),
        final=True,
    ),
    *(
        Metric(
            name=name,
            event="evaluation",
            field=name,
            title=f"Agreement with the supervisor where it is {half}",
            subtitle="share of these test examples",
            height=130,
            domain=domain,
            drawn_for="students",
        )
        for half, name, domain in (("right", "agreement_right", (0.7, 1.0)), ("wrong", "agreement_wrong", (0.3, 0.7)))
    ),
    LOSS,
    *(
        Metric(
            name=name,
            event="evaluation",
            field=name,
            title=title,
            subtitle="nats per token, test examples",
            height=120,
            domain=(0.5, 1.0),
            limits=None,
            drawn_for="some runs",
        )
        for name, title in (("truth_loss", "Loss on true answers"), ("weak_loss", "Loss on the supervisor’s answers"))
    ),
    Metric(
        name="weight",
        event="metric",
        field="confidence_weight",
        title="Weight of the student’s own view",
        subtitle="in the loss",
        height=90,
        domain=(0.0, 0.6),
        drawn_for="some runs",
    ),
    Metric(
        name="threshold",
        event="metric",
        field="threshold",
        title="Threshold of its guess",
        subtitle="of the batch at each point; above it the guess is 1",
        height=110,
        domain=(0.3, 0.7),
        drawn_for="some runs",
    ),
)


AXES: dict[EventKind, tuple[str, ...]] = {"metric": ("examples", "tokens")}
"""Fields that count what a run has read so far, by the kind of their events."""

EXTREMES = ("least", "least_step", "greatest", "greatest_step")


def axes(event: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of an event that curves may be drawn over, by name."""
    return {name: event[name] for name in AXES.get(event["kind"], ()) if event.get(name) is not None}


def extremes(event: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    """Return the numbers of ``EXTREMES`` of an event, by the name of the metric that is the mean of those steps."""
    of_steps = [metric for metric in METRICS if metric.extremes and metric.event == event["kind"] and event.get(metric.extremes)]
    return {metric.name: tuple(event[metric.extremes][name] for name in EXTREMES) for metric in of_steps}


def values(event: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers of an event that curves show, by the name of their metric."""
    return {name: value for name, value in measured(event).items() if not isinstance(value, str)}


def measured(event: Mapping[str, Any]) -> dict[str, float | str]:
    """Return what curves show of an event, by the name of the metric: its numbers, and which value was not finite.

    That is nan, inf or -inf, or an empty text where the event does not say which, for a metric that is ``expected``.
    """
    shown: dict[str, float | str] = {}
    for metric in METRICS:
        if metric.event == event["kind"]:
            value = event.get(metric.field)
            if value is not None and isfinite(value):
                shown[metric.name] = value
            elif metric.expected:
                shown[metric.name] = event.get("nonfinite") or ""
    return shown


def fields(kind: EventKind) -> tuple[str, ...]:
    """Return the fields of events of this kind that curves show, with those that say which value was not finite and at what."""
    shown = [metric for metric in METRICS if metric.event == kind]
    more = [*(metric.extremes for metric in shown if metric.extremes), *AXES.get(kind, ())]
    nonfinite = ["nonfinite"] if any(metric.expected for metric in shown) else []
    return (*nonfinite, *more, *(metric.field for metric in shown))


def for_scripts() -> dict[str, list[dict[str, Any]]]:
    """Return what static/js/live.js needs to make rows from events: the metrics and axes of each kind of event."""
    mapping: dict[str, list[dict[str, Any]]] = {}
    for metric in METRICS:
        described = {"metric": metric.name, "field": metric.field, "expected": metric.expected, "extremes": metric.extremes}
        mapping.setdefault(metric.event, []).append(described)
    for kind, names in AXES.items():
        mapping.setdefault(kind, []).extend({"axis": name} for name in names)
    return mapping
