"""The numbers that the charts of a result are made of, as rows for a file."""

from collections.abc import Sequence
from typing import Any

from training.metrics.intervals import Estimate
from training.metrics.results import Group, Outcome
from webapp.charts.difficulty import Accuracies
from webapp.charts.misfit import Students
from webapp.charts.reliability import Reliable

Row = dict[str, Any]


def gap_rows(groups: Sequence[Group], outcomes: Sequence[Outcome]) -> list[Row]:
    """Estimates of every method (no seed, no run), then the accuracies of its complete seeds, each with the key of its run.

    A PGR has a row only in state ok, as it has a point only there.
    """
    rows: list[Row] = []
    for group in groups:
        named = [(name, getattr(group, name)) for name in ("weak", "student", "ceiling", "gap", "gain", "pgr")]
        rows += [_row(group, name, found) for name, found in named if found is not None]
        for one in outcomes:
            if _pair(one) == _pair(group) and one.seed in group.seeds:
                for role in ("weak", "student", "ceiling"):
                    rows.append(_row(group, role, None, one.seed, getattr(one, role), getattr(one, f"{role}_run")))
    return rows


def _pair(one: Group | Outcome) -> tuple[str, str, int]:
    return one.weak_model, one.strong_model, one.method_index


def decomposition_rows(groups: Sequence[Group]) -> list[Row]:
    """Shares of the test set of every method: the transitions, and the gain that corrected less lost is."""
    rows: list[Row] = []
    for group in groups:
        if group.transitions is not None:
            found = [(name, cell.share) for name, cell in group.transitions if cell is not None]
            rows += [_row(group, name, share) for name, share in [*found, ("gain", group.gain)]]
    return rows


def _row(
    group: Group, measure: str, found: Estimate | None, seed: int | str = "", value: float | None = None, run: str = ""
) -> Row:
    about = {name: getattr(group, name) for name in ("weak_model", "strong_model", "method_index", "method", "state")}
    ends = {"value": value, "low": None, "high": None}
    if found is not None:
        ends = {"value": found.value, "low": found.low, "high": found.high}
    return {**about, "measure": measure, "seed": seed, **ends, "run": run}


def reliability_rows(models: Sequence[Reliable]) -> list[Row]:
    return [
        {"model": model.title, "confidence": one.confidence, "right": one.right, "count": one.count}
        for model in models
        for one in model.bins
    ]


def difficulty_rows(models: Sequence[Accuracies]) -> list[Row]:
    """Parts are counted from the supervisor's least sure, 1."""
    return [
        {"model": model.title, "part": number, "value": found.value, "low": found.low, "high": found.high}
        for model in models
        for number, found in enumerate(model.parts, 1)
        if found is not None
    ]


def misfit_rows(students: Sequence[Students]) -> list[Row]:
    return [
        {"method": one.title, "seed": point.seed, "misfit": point.misfit, "gain": point.gain}
        for one in students
        for point in one.points
    ]
