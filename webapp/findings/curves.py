"""The points of curves as rows, from the stored events: all of them, however many there are."""

from collections.abc import Iterator, Mapping
from typing import Any

from webapp.charts.metrics import AXES, EXTREMES, extremes, values
from webapp.experiments import queries
from webapp.experiments.models import Run
from webapp.findings.pairs import PairLanes
from webapp.findings.run_curves import is_void

Row = dict[str, Any]


def curves(lanes: PairLanes) -> Iterator[Row]:
    """Yield one row for each finite value of a valid event, of every run in its lane."""
    for lane in lanes.lanes:
        for segment in lane.segments:
            about = {"series": lane.id, "role": lane.role, "title": lane.title, "seed": segment.seed}
            yield from run_rows(segment.run, about)


def run_rows(run: Run, about: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of one run, each with what is known ``about`` its line.

    Of a mean over steps there are the extremes of single steps, and of events with them the examples and tokens read so far.
    """
    counts = [name for names in AXES.values() for name in names]
    whole = {**about, "run": run.key, "total": run.total_steps}
    resumes = [(seq, payload["resumed_from"]) for seq, _, payload in queries.starts(run.pk, 0, run.last_seq)]
    for seq, _, event in queries.measurements(run.pk, 0, run.last_seq):
        if not is_void(resumes, seq, event["step"]):
            at, ends = {**whole, "step": event["step"]}, extremes(event)
            read = {name: event.get(name) for name in counts}
            for name, value in values(event).items():
                of_steps = dict(zip(EXTREMES, ends.get(name, [None] * len(EXTREMES)), strict=True))
                yield {**at, "metric": name, "value": value, **of_steps, **read}
