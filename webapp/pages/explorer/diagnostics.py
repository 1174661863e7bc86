"""The page of diagnostics: quantities that explain the result of one pair, beyond its accuracies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median_low
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from training.metrics.diagnostics import CAR, CDR, DOUBT, Number, Range
from training.metrics.results import Result
from webapp import cell_names
from webapp.access import viewer
from webapp.charts.chart_data import difficulty_rows, misfit_rows, reliability_rows
from webapp.charts.difficulty import Accuracies, difficulty_chart
from webapp.charts.frontier import frontier_chart
from webapp.charts.misfit import Students, misfit_chart
from webapp.charts.numbers import rate, rate_interval
from webapp.charts.reliability import Reliable, reliability_chart
from webapp.charts.renderers import rendering_for
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.explorer.diagnostics import Diagnosed, Examined, diagnosed
from webapp.explorer.finished_models import Missing
from webapp.findings.costs import WEAK_COST, Offer, offers
from webapp.findings.pairs import Lane, Pair, PairLanes, pairs_of
from webapp.findings.saliency import saliency
from webapp.findings.wording import count
from webapp.pages.experiments.chart_files import as_file
from webapp.parsing import decimal, whole

Cells = list[tuple[str, str]]
"""The cells of a row, each a value with its interval or range."""


@viewer
def diagnostics(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the diagnostics of a pair with the thresholds of the address."""
    experiment = get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
    thresholds = Thresholds(request.GET)
    context: dict[str, Any] = {"experiment": experiment, "limits": thresholds, "cells": cell_names}
    try:
        context["page"] = DiagnosticsPage(experiment, request.GET.get("pair", ""), thresholds)
    except Missing as missing:
        context["missing"] = str(missing)
    return render(request, "pages/diagnostics.html", context, status=422 if thresholds.wrong else 200)


@viewer
def figure(request: HttpRequest, pk: int, name: str, how: str) -> HttpResponse:
    """Return a chart of the page as a file."""
    experiment = get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
    try:
        page = DiagnosticsPage(experiment, request.GET.get("pair", ""), Thresholds(request.GET))
    except Missing as missing:
        raise Http404(str(missing)) from None
    if name not in page.figures:
        raise Http404("There is no such chart.")
    chart = page.figures[name]
    with rendering_for(f"account {request.user.pk}", visitor=False):
        return as_file(chart.spec, chart.rows, how, f"experiment-{pk}-{name}-{page.pair.index}")


class Thresholds:
    """Thresholds of confidence: the published ones unless valid shares were entered."""

    def __init__(self, typed: Mapping[str, str]) -> None:
        self.wrong: list[str] = []
        self.cdr, self.car = self._read(typed, "cdr", CDR), self._read(typed, "car", CAR)
        self.doubt, self.cost = self._read(typed, "doubt", DOUBT), self._read(typed, "cost", WEAK_COST)

    @property
    def all(self) -> tuple[float, float, float]:
        return self.cdr, self.car, self.doubt

    def _read(self, typed: Mapping[str, str], name: str, published: float) -> float:
        text = typed.get(name, "").strip()
        value = decimal(text) if text else published
        if value is not None and 0 <= value < 1:
            return value
        self.wrong.append(f"{name.upper()}: {text[:20]} is not a share from 0 to below 1; {published} is used instead.")
        return published


@dataclass(frozen=True)
class Figure:
    """A chart with the rows of its data."""

    spec: dict[str, Any]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One model over its seeds; ``cells`` are of one table."""

    lane: Lane
    seeds: str
    cells: Cells


class DiagnosticsPage:
    """The content of the page. Raise Missing without a complete seed."""

    def __init__(self, experiment: Experiment, pair: str, thresholds: Thresholds) -> None:
        spec = experiment.experiment_spec
        self.pairs: list[Pair] = pairs_of(spec)
        self.pair = self.pairs[whole(pair, high=len(self.pairs) - 1) or 0]
        self.diagnosed: Diagnosed = diagnosed(experiment, self.pair.weak, self.pair.strong, thresholds.all)
        parts = list(queries.parts(experiment))
        lanes = PairLanes(spec, self.pair, experiment.triplets, parts).lanes
        result = Result.model_validate(experiment.result)
        models = (self.pair.weak, self.pair.strong)
        groups = [group for group in result.groups if (group.weak_model, group.strong_model) == models]
        self.offers = offers(spec, groups, thresholds.cost)
        triplets = [triplet for triplet in result.triplets if (triplet.weak_model, triplet.strong_model) == models]
        self.probes = [
            saliency(parts, [triplet for triplet in triplets if triplet.method_index == index])
            for index in range(len(spec.methods))
        ]
        self.weak = (lanes[0], self.diagnosed.weak)
        self.students = [(lanes[1 + method], examined) for method, examined in self.diagnosed.students.items()]
        self.ceiling = (lanes[-1], self.diagnosed.ceiling)

    @property
    def all(self) -> list[tuple[Lane, Examined]]:
        return [self.weak, *self.students, self.ceiling]

    @property
    def words(self) -> str:
        return f"{count(self.diagnosed.examples, 'test example')}, {count(len(self.diagnosed.weak.seeds), 'seed')}"

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """The charts by the names of their files."""
        truth = [Reliable(lane.title, lane.style, examined.truth.bins, examined.truth.error.value) for lane, examined in self.all]
        against_supervisor = [
            Reliable(lane.title, lane.style, examined.supervisor.bins, examined.supervisor.error.value)
            for lane, examined in self.students
            if examined.supervisor
        ]
        parts = [Accuracies(lane.title, lane.style, examined.parts, len(examined.seeds)) for lane, examined in self.all]
        squared, log = (
            [Students(lane.title, lane.style, getattr(examined, name)) for lane, examined in self.students]
            for name in ("squared", "log")
        )
        classes = self.diagnosed.classes
        costs = {"costs": Figure(frontier_chart(self.offers), frontier_rows(self.offers))} if self.offers else {}
        return costs | {
            "truth": Figure(reliability_chart(truth, classes, "share that is right"), reliability_rows(truth)),
            "supervisor": Figure(
                reliability_chart(against_supervisor, classes, "share with the supervisor’s label"),
                reliability_rows(against_supervisor),
            ),
            "difficulty": Figure(difficulty_chart(parts), difficulty_rows(parts)),
            "squared": Figure(misfit_chart(squared, "Gain in Brier score", "Misfit, mean (f − w)²"), misfit_rows(squared)),
            "log": Figure(misfit_chart(log, "Gain in NLL", "Misfit, KL(student ‖ weak)"), misfit_rows(log)),
        }

    @property
    def calibrations(self) -> list[Row]:
        """Calibration against the truth and against the supervisor, and the noise floor."""
        rows = []
        for lane, examined in self.all:
            truth, other = examined.truth, examined.supervisor
            cells = [cell(number) for number in (truth.error, truth.overconfidence, truth.brier, truth.nll)]
            cells += [cell(number) for number in (other.error, other.brier, other.nll)] if other else [("", "")] * 3
            noise = (rate(examined.noise, 4), "") if examined.noise is not None else ("–", "one seed")
            rows.append(_row(lane, examined, [*cells, noise]))
        return rows

    @property
    def saliences(self) -> list[Row]:
        """Rows of students with probes."""
        known = [
            (lane, examined, self.probes[method])
            for (lane, examined), method in zip(self.students, self.diagnosed.students, strict=True)
        ]
        return [_row(lane, examined, [cell(probe[0]), cell(probe[1])]) for lane, examined, probe in known if probe]

    @property
    def memories(self) -> list[Row]:
        """Rows of students with predictions on half B."""
        known = [(lane, examined, examined.memory) for lane, examined in self.students if examined.memory]
        return [_row(lane, examined, [cell(m.learned), cell(m.unseen), cell(m.difference)]) for lane, examined, m in known]

    @property
    def error_agreements(self) -> list[Row]:
        named = [(lane, examined, examined.error_agreement) for lane, examined in self.all if examined.error_agreement]
        return [
            _row(
                lane,
                examined,
                [*(cell(number) for number in (k.disagreement, k.agreement, k.blind, k.phi, k.kappa, k.capa)), onsets(examined)],
            )
            for lane, examined, k in named
        ]


def frontier_rows(offers: Sequence[Offer]) -> list[dict[str, Any]]:
    return [{name: value for name, value in vars(offer).items() if name != "style"} for offer in offers]


def _row(lane: Lane, examined: Examined, cells: Cells) -> Row:
    return Row(lane, count(len(examined.seeds), "seed"), cells)


def onsets(examined: Examined) -> tuple[str, str]:
    """Return the median step of the seeds with an onset, and their number."""
    if not examined.onsets:
        return "", ""
    steps = [step for step in examined.onsets if step is not None]
    if not steps:
        return "", "in no seed"
    return f"{median_low(steps):,}", f"of {examined.last:,} steps, {len(steps)} of {count(len(examined.onsets), 'seed')}"


def cell(number: Number | None) -> tuple[str, str]:
    """Return a value, and its interval: [low, high] is a 95% interval, "low to high" the range of the seeds."""
    if number is None:
        return "–", "undefined"
    if isinstance(number, Range):
        same = number.low == number.high
        return rate(number.value), "" if same else f"{rate(number.low)} to {rate(number.high)}"
    return rate(number.value), rate_interval(number)
