"""The numbers that the charts of a result are drawn from, as rows for a file."""

from collections.abc import Sequence
from typing import Any

from training.metrics.intervals import Estimate
from training.metrics.results import Group, Outcome
from webapp.charts.difficulty import Accuracies
from webapp.charts.misfit import Students
from webapp.charts.reliability import Reliable

Row = dict[str, Any]


def gap_rows(groups: Sequence[Group], outcomes: Sequence[Outcome]) -> list[Row]:
    """Return the estimates of every method (without seed and run), then the accuracies of its complete seeds with their run keys.

    A PGR has a row only in state ok, since it has a point only there.
    """
    rows: list[Row] = []
    for group in groups:
        named = [(name, getattr(group, name)) for name in ("weak", "student", "ceiling", "gap", "gain", "pgr")]
        rows += [_row(group, name, estimate) for name, estimate in named if estimate is not None]
        for outcome in outcomes:
            if _pair(outcome) == _pair(group) and outcome.seed in group.seeds:
                for role in ("weak", "student", "ceiling"):
                    rows.append(_row(group, role, None, outcome.seed, getattr(outcome, role), getattr(outcome, f"{role}_run")))
    return rows


def _pair(row: Group | Outcome) -> tuple[str, str, int]:
    return row.weak_model, row.strong_model, row.method_index


def decomposition_rows(groups: Sequence[Group]) -> list[Row]:
    """Return shares of the test set for every method: the transitions, and the gain, which is corrected minus lost."""
    rows: list[Row] = []
    for group in groups:
        if group.transitions is not None:
            shares = [(name, cell.share) for name, cell in group.transitions if cell is not None]
            rows += [_row(group, name, share) for name, share in [*shares, ("gain", group.gain)]]
    return rows


def _row(
    group: Group, measure: str, estimate: Estimate | None, seed: int | str = "", value: float | None = None, run: str = ""
) -> Row:
    about = {name: getattr(group, name) for name in ("weak_model", "strong_model", "method_index", "method", "state")}
    ends = {"value": value, "low": None, "high": None}
    if estimate is not None:
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {**about, "measure": measure, "seed": seed, **ends, "run": run}


def reliability_rows(models: Sequence[Reliable]) -> list[Row]:
    return [
        {"model": model.title, "confidence": bin_.confidence, "right": bin_.right, "count": bin_.count}
        for model in models
        for bin_ in model.bins
    ]


def difficulty_rows(models: Sequence[Accuracies]) -> list[Row]:
    """Return one row for each model and part; part 1 has the examples that the supervisor is least sure of."""
    return [
        {"model": model.title, "part": number, "value": estimate.value, "low": estimate.low, "high": estimate.high}
        for model in models
        for number, estimate in enumerate(model.parts, 1)
        if estimate is not None
    ]


def misfit_rows(students: Sequence[Students]) -> list[Row]:
    return [
        {"method": method.title, "seed": point.seed, "misfit": point.misfit, "gain": point.gain}
        for method in students
        for point in method.points
    ]
