"""The page of diagnostics: what explains the result of one pair, beside its accuracies."""

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
"""A value each, with its interval or range."""


@viewer
def diagnostics(request: HttpRequest, pk: int) -> HttpResponse:
    """Of the pair that the address names, with its thresholds."""
    experiment = get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
    asked = Thresholds(request.GET)
    context: dict[str, Any] = {"experiment": experiment, "asked": asked, "cells": cell_names}
    try:
        context["page"] = DiagnosticsPage(experiment, request.GET.get("pair", ""), asked)
    except Missing as missing:
        context["missing"] = str(missing)
    return render(request, "pages/diagnostics.html", context, status=422 if asked.wrong else 200)


@viewer
def figure(request: HttpRequest, pk: int, name: str, how: str) -> HttpResponse:
    """One of its charts, saved by the browser."""
    experiment = get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
    try:
        page = DiagnosticsPage(experiment, request.GET.get("pair", ""), Thresholds(request.GET))
    except Missing as missing:
        raise Http404(str(missing)) from None
    if name not in page.figures:
        raise Http404("There is no such chart.")
    found = page.figures[name]
    with rendering_for(f"account {request.user.pk}", visitor=False):
        return as_file(found.spec, found.rows, how, f"experiment-{pk}-{name}-{page.pair.index}")


class Thresholds:
    """How sure a model has to be, as published where nothing or no share was typed."""

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
    """A chart, and the rows that it is made of."""

    spec: dict[str, Any]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One model over its seeds; ``cells`` are of one table."""

    lane: Lane
    seeds: str
    cells: Cells


class DiagnosticsPage:
    """Raises Missing."""

    def __init__(self, experiment: Experiment, pair: str, asked: Thresholds) -> None:
        spec = experiment.experiment_spec
        self.pairs: list[Pair] = pairs_of(spec)
        self.pair = self.pairs[whole(pair, high=len(self.pairs) - 1) or 0]
        self.found: Diagnosed = diagnosed(experiment, self.pair.weak, self.pair.strong, asked.all)
        parts = list(queries.parts(experiment))
        lanes = PairLanes(spec, self.pair, experiment.triplets, parts).lanes
        result = Result.model_validate(experiment.result)
        groups = [one for one in result.groups if (one.weak_model, one.strong_model) == (self.pair.weak, self.pair.strong)]
        self.offers = offers(spec, groups, asked.cost)
        mine = [one for one in result.triplets if (one.weak_model, one.strong_model) == (self.pair.weak, self.pair.strong)]
        self.probes = [saliency(parts, [one for one in mine if one.method_index == at]) for at in range(len(spec.methods))]
        self.weak = (lanes[0], self.found.weak)
        self.students = [(lanes[1 + method], one) for method, one in self.found.students.items()]
        self.ceiling = (lanes[-1], self.found.ceiling)

    @property
    def all(self) -> list[tuple[Lane, Examined]]:
        return [self.weak, *self.students, self.ceiling]

    @property
    def words(self) -> str:
        return f"{count(self.found.examples, 'test example')}, {count(len(self.found.weak.seeds), 'seed')}"

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """By the names that their files have."""
        truth = [Reliable(lane.title, lane.style, one.truth.bins, one.truth.error.value) for lane, one in self.all]
        taught = [
            Reliable(lane.title, lane.style, one.supervisor.bins, one.supervisor.error.value)
            for lane, one in self.students
            if one.supervisor
        ]
        parts = [Accuracies(lane.title, lane.style, one.parts, len(one.seeds)) for lane, one in self.all]
        squared, log = (
            [Students(lane.title, lane.style, getattr(one, name)) for lane, one in self.students] for name in ("squared", "log")
        )
        classes = self.found.classes
        costs = {"costs": Figure(frontier_chart(self.offers), frontier_rows(self.offers))} if self.offers else {}
        return costs | {
            "truth": Figure(reliability_chart(truth, classes, "share that is right"), reliability_rows(truth)),
            "supervisor": Figure(
                reliability_chart(taught, classes, "share with the supervisor’s label"), reliability_rows(taught)
            ),
            "difficulty": Figure(difficulty_chart(parts), difficulty_rows(parts)),
            "squared": Figure(misfit_chart(squared, "Gain in Brier score", "Misfit, mean (f − w)²"), misfit_rows(squared)),
            "log": Figure(misfit_chart(log, "Gain in NLL", "Misfit, KL(student ‖ weak)"), misfit_rows(log)),
        }

    @property
    def calibrations(self) -> list[Row]:
        """Against the truth, against the supervisor, and the noise floor."""
        rows = []
        for lane, one in self.all:
            truth, other = one.truth, one.supervisor
            cells = [cell(number) for number in (truth.error, truth.overconfidence, truth.brier, truth.nll)]
            cells += [cell(number) for number in (other.error, other.brier, other.nll)] if other else [("", "")] * 3
            noise = (rate(one.noise, 4), "") if one.noise is not None else ("–", "one seed")
            rows.append(_row(lane, one, [*cells, noise]))
        return rows

    @property
    def saliences(self) -> list[Row]:
        """Of students that were probed."""
        known = [(lane, one, self.probes[method]) for (lane, one), method in zip(self.students, self.found.students, strict=True)]
        return [_row(lane, one, [cell(probe[0]), cell(probe[1])]) for lane, one, probe in known if probe]

    @property
    def memories(self) -> list[Row]:
        """Of students whose half B is known."""
        known = [(lane, one, one.memory) for lane, one in self.students if one.memory]
        return [_row(lane, one, [cell(m.learned), cell(m.unseen), cell(m.difference)]) for lane, one, m in known]

    @property
    def kinships(self) -> list[Row]:
        named = [(lane, one, one.error_agreement) for lane, one in self.all if one.error_agreement]
        return [
            _row(
                lane,
                one,
                [*(cell(number) for number in (k.disagreement, k.agreement, k.blind, k.phi, k.kappa, k.capa)), onsets(one)],
            )
            for lane, one, k in named
        ]


def frontier_rows(found: Sequence[Offer]) -> list[dict[str, Any]]:
    return [{name: value for name, value in vars(one).items() if name != "style"} for one in found]


def _row(lane: Lane, one: Examined, cells: Cells) -> Row:
    return Row(lane, count(len(one.seeds), "seed"), cells)


def onsets(one: Examined) -> tuple[str, str]:
    """The median step of the seeds that have an onset, and how many have one."""
    if not one.onsets:
        return "", ""
    steps = [step for step in one.onsets if step is not None]
    if not steps:
        return "", "in no seed"
    return f"{median_low(steps):,}", f"of {one.last:,} steps, {len(steps)} of {count(len(one.onsets), 'seed')}"


def cell(number: Number | None) -> tuple[str, str]:
    """[low, high] is a 95% interval, low to high the range of the seeds."""
    if number is None:
        return "–", "undefined"
    if isinstance(number, Range):
        same = number.low == number.high
        return rate(number.value), "" if same else f"{rate(number.low)} to {rate(number.high)}"
    return rate(number.value), rate_interval(number)
