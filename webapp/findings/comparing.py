"""Several experiments side by side: methods by data set and pair, their differences from the baseline, and aggregates."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from training.metrics.intervals import Estimate, holm
from training.metrics.results import Contrast, Group, Result
from training.metrics.significance import OverSets, median_of, over_sets
from training.spec.methods import Method, Naive
from webapp.charts.forest import Difference, forest_chart
from webapp.charts.styles import Style, student_styles
from webapp.experiments.models import Experiment
from webapp.findings.pairs import Pair
from webapp.findings.wording import count, dataset_title, joined, titles_of


@dataclass(frozen=True)
class Place:
    """The origin of a number: an experiment, its data set, a pair of models."""

    experiment: Experiment
    dataset: str
    pair: Pair

    @property
    def title(self) -> str:
        """Return two lines; the first identifies the experiment."""
        return f"#{self.experiment.pk} {self.experiment.name}\n{self.dataset}, {self.pair.title}"


@dataclass(frozen=True)
class Cell:
    """One method in one place; None if the experiment does not have the method."""

    place: Place
    group: Group | None
    contrast: Contrast | None


@dataclass(frozen=True)
class Line:
    """A method over all places. ``over`` is over data sets, each the mean of its pairs; ``p`` is of its t test, Holm-adjusted."""

    title: str
    style: Style
    cells: list[Cell]
    median: Estimate | None
    resolved: int
    left_out: str
    gain: float | None
    gains: int
    over: OverSets | None
    p: float | None


class Comparison:
    """The comparison of the experiments that have a result."""

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        self.experiments = [experiment for experiment in experiments if experiment.result]
        self.waiting = [experiment for experiment in experiments if not experiment.result]
        self.results = [Result.model_validate(experiment.result) for experiment in self.experiments]
        self.specs = [experiment.experiment_spec for experiment in self.experiments]

    @property
    def any(self) -> bool:
        return any(group.seeds for result in self.results for group in result.groups)

    @cached_property
    def methods(self) -> list[Method]:
        return list(dict.fromkeys(method for spec in self.specs for method in spec.methods))

    @cached_property
    def places(self) -> list[Place]:
        places = []
        for experiment, result in zip(self.experiments, self.results, strict=True):
            pairs = dict.fromkeys((group.weak_model, group.strong_model) for group in result.groups if group.seeds)
            title = dataset_title(experiment.experiment_spec.data.name)
            places += [Place(experiment, title, Pair(index, *models)) for index, models in enumerate(pairs)]
        return places

    @property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(place.dataset for place in self.places))

    @property
    def baseline(self) -> Method | None:
        """Return the method that others are compared with: naive, as in each result; None if no experiment has it."""
        return next((method for method in self.methods if isinstance(method, Naive)), None)

    def _cell(self, place: Place, method: Method) -> Cell:
        number = self.experiments.index(place.experiment)
        spec, result = self.specs[number], self.results[number]
        if method not in spec.methods:
            return Cell(place, None, None)
        at = (place.pair.weak, place.pair.strong, spec.methods.index(method))
        group = next((row for row in result.groups if (row.weak_model, row.strong_model, row.method_index) == at), None)
        contrast = next((row for row in result.contrasts if (row.weak_model, row.strong_model, row.method_index) == at), None)
        same = contrast and spec.methods[contrast.baseline_index] == self.baseline
        return Cell(place, group, contrast if same else None)

    @cached_property
    def lines(self) -> list[Line]:
        titles, styles = titles_of(self.methods), student_styles([method.kind for method in self.methods])
        lines = []
        for method, title, style in zip(self.methods, titles, styles, strict=True):
            cells = [self._cell(place, method) for place in self.places]
            lines.append(_line(title, style, cells))
        tested = [line.over.t for line in lines if line.over and line.over.t is not None]
        adjusted = iter(holm(tested))
        return [replace(line, p=next(adjusted)) if line.over and line.over.t is not None else line for line in lines]

    @cached_property
    def forest(self) -> dict[str, object] | None:
        """Return the chart of differences from the baseline in every place; None if there are none."""
        differences = [
            Difference(cell.place.title, line.title, line.style, cell.contrast.difference, len(cell.contrast.seeds))
            for line in self.lines
            for cell in line.cells
            if cell.contrast
        ]
        return forest_chart(differences, self.baseline_title) if differences else None

    @property
    def forest_rows(self) -> list[dict[str, Any]]:
        """Return the numbers that the chart is drawn from: shares, not points."""
        return [
            {
                "experiment": cell.place.experiment.pk,
                "data_set": cell.place.dataset,
                "weak_model": cell.place.pair.weak,
                "strong_model": cell.place.pair.strong,
                "method": line.title,
                "seeds": len(cell.contrast.seeds),
                **cell.contrast.difference.model_dump(),
            }
            for line in self.lines
            for cell in line.cells
            if cell.contrast
        ]

    @property
    def baseline_title(self) -> str:
        titles = titles_of(self.methods)
        return titles[self.methods.index(self.baseline)] if self.baseline else ""

    @property
    def words(self) -> str:
        about = f"{count(len(self.experiments), 'experiment')} on {count(len(self.datasets), 'data set')}"
        return f"{about}, {count(len({(place.dataset, place.pair.title) for place in self.places}), 'pair')}"


def _line(title: str, style: Style, cells: list[Cell]) -> Line:
    groups = [cell.group for cell in cells if cell.group]
    others = Counter(group.state for group in groups if not group.pgr)
    missing = sum(cell.group is None for cell in cells)
    left_out = [f"{number} {state}" for state, number in others.items()] + ([f"{missing} not tried"] if missing else [])
    gains = [group.gain.value for group in groups if group.gain]
    by_set = _by_set((cell.place.dataset, cell.contrast.difference.value) for cell in cells if cell.contrast)
    medians = _by_set((cell.place.dataset, cell.group.pgr.value) for cell in cells if cell.group and cell.group.pgr)
    return Line(
        title=title,
        style=style,
        cells=cells,
        median=median_of(medians),
        resolved=sum(group.pgr is not None for group in groups),
        left_out=joined(left_out),
        gain=fmean(gains) if gains else None,
        gains=len(gains),
        over=over_sets(by_set) if by_set else None,
        p=None,
    )


def _by_set(named: Iterable[tuple[str, float]]) -> list[float]:
    """Return the mean of each data set."""
    by_name: dict[str, list[float]] = {}
    for name, value in named:
        by_name.setdefault(name, []).append(value)
    return [fmean(values) for values in by_name.values()]
