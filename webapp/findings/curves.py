"""The rows of the curves of one pair, as static/js/live.js makes them from the events."""

from typing import Any

from training.events import valid_measurements
from webapp.charts.metrics import values
from webapp.experiments import queries
from webapp.findings.pairs import PairLanes

Row = dict[str, Any]


def curves(lanes: PairLanes) -> list[Row]:
    """Return one row for each finite value of a valid event, of every run in its lane."""
    rows: list[Row] = []
    for lane in lanes.lanes:
        for segment in lane.segments:
            about = {"series": lane.id, "role": lane.role, "title": lane.title, "seed": segment.seed, "run": segment.run.key}
            about["total"] = segment.run.total_steps
            events = queries.timeline([segment.run], ["started", "metric", "evaluation"]).order_by("seq")
            for event in valid_measurements(event.payload for event in events):
                at = {**about, "step": event["step"]}
                rows += [{**at, "metric": name, "value": value} for name, value in values(event).items()]
    return rows
