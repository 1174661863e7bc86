"""The runs of a page: one pair of models at a time, its lanes from supervisor to ceiling, one run per seed in each lane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from math import ceil
from typing import Any

from training import ExperimentSpec, Triplet, catalog
from training.catalog import outside
from training.planning.estimates import rows_of
from training.spec import RunSpec, TrainingSpec
from training.spec.methods import Anchored, Confidence, ConfidenceBuffer, ConfidenceRelease, Learning, Submitted
from webapp.charts.live import Series
from webapp.charts.numbers import rate
from webapp.charts.styles import CEILING, WEAK, Style, student_styles
from webapp.charts.system import SystemChart, system_charts
from webapp.experiments.models import Part, Run, Status
from webapp.findings.run_curves import wired
from webapp.findings.run_state import percent_of, prepares, run_words, short_phase
from webapp.findings.wording import count, lower, method_titles, short_methods, short_model

GUESSING = (Confidence, ConfidenceRelease, ConfidenceBuffer, Anchored)
"""Methods that harden the student's own predictions."""


@dataclass(frozen=True)
class Pair:
    index: int
    weak: str
    strong: str

    @property
    def title(self) -> str:
        return f"{short_model(self.weak)} to {short_model(self.strong)}"

    @property
    def weak_title(self) -> str:
        return short_model(self.weak)

    @property
    def strong_title(self) -> str:
        return short_model(self.strong)


def pairs_of(spec: ExperimentSpec) -> list[Pair]:
    models = [(weak, strong) for weak in spec.weak.models for strong in spec.strong.models]
    return [Pair(index, weak, strong) for index, (weak, strong) in enumerate(models)]


@dataclass(frozen=True)
class Segment:
    """One run in a lane."""

    seed: int
    run: Run

    @property
    def prepares(self) -> bool:
        """Return whether the run is in a phase before training, such as features."""
        return prepares(self.run)

    @property
    def percent(self) -> float:
        return percent_of(self.run)

    @property
    def words(self) -> str:
        return f"seed {self.seed}: {run_words(self.run)}"


@dataclass(frozen=True)
class Lane:
    """One role of the pair, for a student with its method: a line of the chart, a row of the tables."""

    series: Series
    style: Style
    model: str
    method: str = ""
    """Title of the student's method, with the settings that differ from other methods of its kind."""
    segments: list[Segment] = field(default_factory=list)
    label_source: str = ""
    """The labels that its student learns from."""

    @property
    def id(self) -> str:
        return self.series.id

    @property
    def role(self) -> str:
        return self.series.role

    @property
    def title(self) -> str:
        return {"weak": "Weak supervisor", "ceiling": "Strong ceiling"}.get(self.role, f"Student, {lower(self.method)}")

    @property
    def model_title(self) -> str:
        return short_model(self.model)

    @property
    def short_title(self) -> str:
        """Return the title, shortened for a student whose method occurs with several settings: Student, confidence 0.9."""
        return f"Student, {lower(self.series.title)}" if "," in self.method else self.title

    @property
    def learned_on(self) -> str:
        """The rows that a supervisor learned from, in words."""
        return "from outside" if outside.title_of(self.model) else "half A"

    @property
    def trained_on(self) -> str:
        if self.learned_on == "from outside":
            return "labels from outside"
        return {"weak": "ground truth, half A", "ceiling": "ground truth, half B"}.get(self.role, f"{self.label_source}, half B")

    @property
    def runs(self) -> list[Run]:
        return [segment.run for segment in self.segments]

    @property
    def summary(self) -> str:
        """Return the state of the lane in a few words."""
        runs = self.runs
        n = {status: sum(run.status == status for run in runs) for status in Status}
        if not runs:
            return ""
        done = n[Status.FINISHED]
        accuracies = [run.accuracy for run in runs if run.status == Status.FINISHED and run.accuracy is not None]
        if done == len(runs):
            return f"done, {rate(sum(accuracies) / len(accuracies))}" if accuracies else "done"
        if n[Status.FAILED]:
            return f"{n[Status.FAILED]} of {len(runs)} failed"
        at_work = [run for run in runs if run.status in (Status.RUNNING, Status.STOPPING)]
        if at_work:
            return short_phase(at_work[0])
        if n[Status.STOPPED]:
            return f"{done} done, {n[Status.STOPPED]} stopped" if done else "stopped"
        if done:
            return f"{done} of {len(runs)} done"
        return "queued" if n[Status.QUEUED] else "waiting"


class PairLanes:
    """The lanes of one pair: supervisor, a student for each method, ceiling."""

    def __init__(self, spec: ExperimentSpec, pair: Pair, triplets: Sequence[Mapping[str, Any]], parts: Sequence[Part]) -> None:
        self.spec, self.pair = spec, pair
        self.runs = {part.run.key: part.run for part in parts}
        self.writes = any(run.run_spec.writes for run in islice(self.runs.values(), 1))
        self.triplets = [Triplet(**triplet) for triplet in triplets]
        self.pair_triplets = [
            triplet for triplet in self.triplets if (triplet.weak_model, triplet.strong_model) == (pair.weak, pair.strong)
        ]

    @property
    def weak_labels(self) -> str:
        """The supervisor's labels for its student, in words."""
        return "written answers" if self.writes else "soft"

    @cached_property
    def lanes(self) -> list[Lane]:
        titles, shorts = method_titles(self.spec), short_methods(self.spec)
        styles = student_styles([method.kind for method in self.spec.methods])
        students = [
            self._lane(f"m{index}", "student", shorts[index], styles[index], index, self.spec.methods[index].kind, titles[index])
            for index in range(len(titles))
        ]
        weak = self._lane("weak", "weak", "Supervisor", WEAK, 0)
        return [weak, *students, self._lane("ceiling", "ceiling", "Ceiling", CEILING, 0)]

    def _lane(self, name: str, role: Any, title: str, style: Style, method: int, kind: str = "", full: str = "") -> Lane:
        triplets = [triplet for triplet in self.pair_triplets if triplet.method == method]
        segments = [
            Segment(triplet.seed, self.runs[getattr(triplet, role)])
            for triplet in triplets
            if getattr(triplet, role) in self.runs
        ]
        chosen, model = self.spec.methods[method], self.pair.weak if role == "weak" else self.pair.strong
        model = chosen.model if role == "student" and isinstance(chosen, Submitted) else model
        steps = max((segment.run.total_steps for segment in segments), default=0) or expected_steps(self.spec, role)
        own = own_metrics(chosen if role == "student" else None, self.spec.data.name, self.writes)
        return Lane(Series(name, role, title, steps, kind, own=own), style, model, full, segments, chosen.label_source)

    @property
    def seeds(self) -> int:
        return len({triplet.seed for triplet in self.pair_triplets})

    @property
    def weak(self) -> Lane:
        return self.lanes[0]

    @property
    def rest(self) -> list[Lane]:
        """Return the lanes that learn on half B."""
        return self.lanes[1:]

    @property
    def total_steps(self) -> int:
        return max(lane.series.steps for lane in self.lanes)

    @property
    def pitch(self) -> int:
        """Return pixels from lane to lane, enough for the height of the supervisor's box beside them."""
        return max(46, round(92 / (len(self.rest) - 1)))

    @property
    def fork(self) -> str:
        """Return an SVG path from the weak labels to every student."""
        half, last = self.pitch / 2, len(self.rest) - 1
        ends = [half + self.pitch * index for index in range(last)]
        heads = "".join(f"M32 {y}h26m-4 -3.5l4 3.5l-4 3.5" for y in ends)
        return f"M12 23h20V{ends[-1]}M32 23V{ends[0]}{heads}"

    def drawn(self) -> dict[int, dict[str, Any]]:
        """Return what the chart shows of each run, by its id: series, seed, title, and the length of its epochs."""
        return {
            segment.run.pk: {
                "series": lane.id,
                "seed": segment.seed,
                "title": f"{lane.title}, seed {segment.seed}",
                **length_of(self.spec.weak if lane.role == "weak" else self.spec.strong),
            }
            for lane in self.lanes
            for segment in lane.segments
        }

    def system_charts(self) -> list[SystemChart]:
        return system_charts([lane.series for lane in self.lanes])

    def curves(self) -> dict[str, Any]:
        """Return the runs of the chart and their curves, for static/js/live.js."""
        return wired(self.drawn(), [run for lane in self.lanes for run in lane.runs])

    def run_of(self, key: str) -> Run | None:
        return self.runs.get(key)


def length_of(training: TrainingSpec | RunSpec) -> dict[str, int]:
    return {"epochs": training.epochs, "batch": training.batch_size}


def expected_steps(spec: ExperimentSpec, role: str) -> int:
    """Estimate the optimiser steps of a run before it reports them; a hash may move a few rows between the halves."""
    training, data = spec.weak if role == "weak" else spec.strong, spec.data
    return training.epochs * ceil(rows_of(data.name, data, "A" if role == "weak" else "B").train / training.batch_size)


def own_metrics(method: Learning | None, dataset: str, writes: bool) -> tuple[str, ...]:
    """Return the metrics that a run logs and not every run does; ``method`` is that of a student, None for other roles.

    Of written answers there are losses on answers. Of a student's own view there is a weight, and for hard guesses a threshold:
    with more than two classes the guesses keep the shares of the classes, without a threshold.
    """
    if writes:
        return ("truth_loss", "weak_loss") if method else ("truth_loss",)
    if method is None or not method.own_view:
        return ()
    known = catalog.known_dataset(dataset)
    cuts = isinstance(method, GUESSING) and (known is None or len(known.classes) == 2)
    return ("weight", "threshold") if cuts else ("weight",)


@dataclass(frozen=True)
class Latest:
    """The newest numbers of a lane: means over the seeds that have them."""

    lane: Lane
    seeds: int
    values: list[str]


LATEST = ("accuracy", "agreement_right", "agreement_wrong")


def latest_of(lane: Lane, newest: Mapping[int, Mapping[str, Any]]) -> Latest:
    """Return the newest numbers of a lane; ``newest`` is queries.newest, the last metric and evaluation of each run.

    As in the chart, only finished seeds count once there are any, so that a seed that has just started never pulls the mean.
    """
    runs = [run for run in lane.runs if run.status == Status.FINISHED] or lane.runs
    evaluations = [event for run in runs if (event := newest.get(run.pk, {}).get("evaluation"))]
    metrics = [event for run in runs if (event := newest.get(run.pk, {}).get("metric"))]
    columns = [[evaluation.get(name) for evaluation in evaluations] for name in LATEST]
    columns.append([metric.get("loss") for metric in metrics])
    return Latest(lane, len(evaluations), [mean_text(column) for column in columns])


def mean_text(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return rate(sum(known) / len(known)) if known else "–"


def runs_text(counts: Mapping[str, int]) -> str:
    """10 of 20 runs done, 1 training, 2 failed"""
    total = sum(counts.values())
    at_work = counts[Status.RUNNING] + counts[Status.STOPPING]
    extra = [(at_work, "training"), (counts[Status.FAILED], "failed"), (counts[Status.STOPPED], "stopped")]
    return f"{counts[Status.FINISHED]:,} of {count(total, 'run')} done" + "".join(f", {n:,} {word}" for n, word in extra if n)
