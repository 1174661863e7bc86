"""The rows of the curves of one pair, as static/js/live.js makes them from the events."""

from math import isfinite
from typing import Any

from training.events import valid_measurements
from webapp.experiments import queries
from webapp.findings.pairs import PairLanes

Row = dict[str, Any]

EVALUATION = {one: one for one in ("accuracy", "agreement_right", "agreement_wrong")}
METRIC = {"loss": "loss", "weight": "confidence_weight", "threshold": "threshold"}
"""What the rows call it, and what the event does."""


def curves(lanes: PairLanes) -> list[Row]:
    """One row for each finite value of a loss or an evaluation that stands, of every run in its lane."""
    rows: list[Row] = []
    for lane in lanes.lanes:
        for segment in lane.segments:
            about = {"series": lane.id, "role": lane.role, "title": lane.title, "seed": segment.seed, "run": segment.run.key}
            about["total"] = segment.run.total_steps
            events = queries.story([segment.run], ["started", "metric", "evaluation"]).order_by("seq")
            for told in valid_measurements(event.payload for event in events):
                wanted = METRIC if told["kind"] == "metric" else EVALUATION
                named = [(metric, told.get(name)) for metric, name in wanted.items()]
                known = [(metric, value) for metric, value in named if value is not None and isfinite(value)]
                rows += [{**about, "step": told["step"], "metric": one, "value": value} for one, value in known]
    return rows
