"""Experiments and runs side by side, and the leaderboards of methods over all results."""

import hashlib
import json
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import Truncator

from webapp.access import viewer
from webapp.charts.renderers import rendering_for
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.findings.aggregate_table import aggregate_table
from webapp.findings.boards import Board, boards
from webapp.findings.claims import Note
from webapp.findings.comparing import Comparison
from webapp.findings.imported_notes import by_experiment
from webapp.findings.number_table import Column, NumberTable, plain
from webapp.findings.result_tables import board_table
from webapp.findings.test_sets import warnings
from webapp.pages.experiments import chart_files, table_files
from webapp.pages.experiments.compared_curves import Curves
from webapp.pages.experiments.compared_runs import ComparedRun, RunTable
from webapp.pages.experiments.compared_students import StudentTable
from webapp.pages.experiments.selection import Selection
from webapp.pages.experiments.setting_differences import Setting, run_settings, settings

MOST_RESULTS = 1000
"""Results that the leaderboards read, the newest ones: their number does not grow with the laboratory."""

LONGEST_NAME = 40
"""Characters of the name of an experiment above a column."""


class ComparePage:
    """The parts of the page, each computed once where it is read."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    @cached_property
    def comparison(self) -> Comparison:
        return Comparison(self.selection.experiments)

    @cached_property
    def students(self) -> StudentTable:
        return StudentTable(self.comparison, self.selection.over)

    @property
    def aggregates(self) -> NumberTable:
        return aggregate_table(self.comparison)

    @cached_property
    def runs(self) -> list[ComparedRun]:
        return [ComparedRun(run) for run in self.selection.runs]

    @cached_property
    def run_table(self) -> RunTable:
        return RunTable(self.runs, self.selection.base_run)

    @cached_property
    def settings(self) -> list[Setting]:
        return settings([experiment.experiment_spec for experiment in self.selection.experiments])

    @cached_property
    def run_settings(self) -> list[Setting]:
        return run_settings([row.spec for row in self.runs])

    @cached_property
    def settings_table(self) -> NumberTable:
        titles = [f"#{row.pk} {Truncator(row.name).chars(LONGEST_NAME)}" for row in self.selection.experiments]
        return _settings_table("settings", "Settings that differ", titles, self.settings)

    @cached_property
    def run_settings_table(self) -> NumberTable:
        titles = [f"Run {row.run.pk}" for row in self.runs]
        return _settings_table("run-settings", "Settings of runs that differ", titles, self.run_settings)

    @property
    def equal(self) -> list[Setting]:
        return [setting for setting in self.settings if not setting.differs]

    @property
    def equal_of_runs(self) -> list[Setting]:
        return [setting for setting in self.run_settings if not setting.differs]

    @cached_property
    def curves(self) -> Curves:
        return Curves(self.selection.experiments, self.runs)

    @property
    def wire(self) -> dict[str, Any]:
        address = reverse("compare-file", args=["curves", "json"])
        return {**self.curves.wire, "from": f"{address}?{self.selection.query()}"}

    @cached_property
    def warnings(self) -> list[Note]:
        return warnings(self.selection.experiments, self.selection.runs)

    @cached_property
    def elsewhere(self) -> list[tuple[Experiment, str]]:
        return by_experiment(self.selection.experiments)

    @property
    def version(self) -> str:
        """A text that changes with the results of experiments and the states of runs."""
        results = [(row.pk, row.state, row.result_runs, row.result_error) for row in self.selection.experiments]
        states = [(row.run.pk, row.run.status, row.run.step, row.run.accuracy) for row in self.runs]
        return hashlib.sha256(json.dumps([results, states]).encode()).hexdigest()[:16]

    def table(self, name: str) -> NumberTable | None:
        """Return the table of this name, None where the page does not have it."""
        match name:
            case "students" if self.comparison.any:
                return self.students.table
            case "methods" if self.comparison.any:
                return self.aggregates
            case "runs" if self.runs:
                return self.run_table.table
            case "settings" if len(self.selection.experiments) > 1:
                return self.settings_table
            case "run-settings" if len(self.runs) > 1:
                return self.run_settings_table
        return None


def _settings_table(name: str, title: str, titles: list[str], rows: list[Setting]) -> NumberTable:
    return NumberTable(
        name,
        title,
        [Column("Setting", right=False), *(Column(title, right=False) for title in titles)],
        [[plain(row.title, detail=row.unit), *map(plain, row.values)] for row in rows if row.differs],
        "The settings that are not the same in all; all others are.",
    )


@viewer
def compare(request: HttpRequest) -> HttpResponse:
    """Compare the experiments and runs in the address that the account may see; the page names the others."""
    return render(request, "pages/compare.html", {"page": ComparePage(Selection(request.user, request.GET))})


@viewer
def compare_status(request: HttpRequest) -> HttpResponse:
    """Return the parts of the page that change while runs go on, each with its id; nothing where the page has them already.

    ``version`` in the address is that of the page.
    """
    page = ComparePage(Selection(request.user, request.GET))
    if request.GET.get("version") == page.version:
        return HttpResponse(status=204)
    return render(request, "partials/compared_status.html", {"page": page, "oob": True})


@viewer
def compare_file(request: HttpRequest, name: str, how: str) -> HttpResponseBase:
    """Return one table or chart of the comparison as a file."""
    page = ComparePage(Selection(request.user, request.GET))
    if name == "forest" and page.comparison.forest:
        with rendering_for(f"account {request.user.pk}", visitor=False):
            return chart_files.as_file(page.comparison.forest, page.comparison.forest_rows, how, "comparison-forest")
    if name == "curves" and page.curves.lines:
        if how == "json":  # what the runs have so far, for static/js/live.js
            return JsonResponse(page.curves.content)
        return chart_files.curve_file(request, page.curves, how, "comparison-curves")
    return table_files.as_file(page.table(name), how, f"comparison-{name}")


@viewer
def leaderboard(request: HttpRequest) -> HttpResponse:
    all_boards, alone = _boards(request)
    shown = {experiment.pk: experiment for board in all_boards for entry in board.lines for experiment in entry.experiments}
    tables = [(board, board_table(board, reverse("compare"))) for board in all_boards]
    context = {"boards": tables, "alone": alone, "elsewhere": by_experiment(shown.values()), "most": MOST_RESULTS}
    return render(request, "pages/leaderboard.html", context)


@viewer
def leaderboard_table(request: HttpRequest, name: str, how: str) -> HttpResponse:
    """Return one board as a file."""
    board = next((board for board in _boards(request)[0] if board.id == name), None)
    return table_files.as_file(board_table(board, reverse("compare")) if board else None, how, f"leaderboard-{name}")


def _boards(request: HttpRequest) -> tuple[list[Board], int]:
    """Return the boards of the newest results, in the order of their experiments."""
    newest = queries.visible(request.user).filter(result__isnull=False).select_related("owner").order_by("-pk")
    return boards(reversed(newest[:MOST_RESULTS]))
