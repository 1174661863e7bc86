"""The rows of the curves of one pair, as static/js/live.js makes them from the events."""

from math import isfinite
from typing import Any

from training.events import standing
from webapp.experiments import queries
from webapp.findings.pairs import PairLanes

Row = dict[str, Any]

EVALUATION = ("accuracy", "agreement_right", "agreement_wrong")


def curves(lanes: PairLanes) -> list[Row]:
    """One row for each finite value of a loss or an evaluation that stands, of every run in its lane."""
    rows: list[Row] = []
    for lane in lanes.lanes:
        for segment in lane.segments:
            about = {"series": lane.id, "role": lane.role, "title": lane.title, "seed": segment.seed, "run": segment.run.key}
            about["total"] = segment.run.total_steps
            events = queries.story([segment.run], ["started", "metric", "evaluation"]).order_by("seq")
            for told in standing(event.payload for event in events):
                named = [("loss", told.get("loss"))] if told["kind"] == "metric" else [(one, told.get(one)) for one in EVALUATION]
                known = [(metric, value) for metric, value in named if value is not None and isfinite(value)]
                rows += [{**about, "step": told["step"], "metric": one, "value": value} for one, value in known]
    return rows
