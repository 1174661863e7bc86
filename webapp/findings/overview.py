"""The findings of an experiment over all pairs of models: for each method its PGRs, the pairs without one, and the gains."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean, median
from typing import Any

from training import ExperimentSpec
from training.metrics.results import Group, Result
from webapp.charts.grid import grid_chart
from webapp.charts.ladder import ladder_chart, span_of
from webapp.charts.numbers import points, rate
from webapp.charts.styles import Style, student_styles
from webapp.findings.wording import joined, method_titles, short_methods, short_model, sources


@dataclass(frozen=True)
class OverPairs:
    """One method over all pairs. ``pgr`` is empty if no pair has one; ranges go from the smallest to the largest value."""

    title: str
    style: Style
    pgr: str
    pgr_range: str
    resolved: int
    left_out: str
    gain: str
    gain_range: str
    with_gain: int


class Overview:
    """The result of an experiment with several pairs."""

    def __init__(self, spec: ExperimentSpec, result: Result) -> None:
        self.spec, self.groups = spec, result.groups
        self.weak, self.strong = names(spec.weak.models), names(spec.strong.models)
        self.styles = student_styles([method.kind for method in spec.methods])

    @property
    def pairs(self) -> int:
        return len(self.weak) * len(self.strong)

    @property
    def any(self) -> bool:
        """Return whether there are several pairs, at least one with a number."""
        return self.pairs > 1 and any(group.seeds for group in self.groups)

    @property
    def sources(self) -> str:
        """Return the sources of variation that the intervals cover."""
        return sources(len(group.seeds) for group in self.groups if group.seeds)

    def of(self, method: int) -> list[Group]:
        return [group for group in self.groups if group.method_index == method]

    def by_supervisor(self, weak: int) -> list[Group]:
        return [group for group in self.groups if group.weak_model == self.spec.weak.models[weak]]

    @property
    def lines(self) -> list[OverPairs]:
        titles = method_titles(self.spec)
        return [over_pairs(self.of(index), title, self.styles[index]) for index, title in enumerate(titles)]

    @cached_property
    def grids(self) -> dict[str, dict[str, Any]]:
        """Return one chart for each method, in order."""
        titles = method_titles(self.spec)
        return {
            f"grid-{index}": grid_chart(self.of(index), self.weak, self.strong, title, self.styles[index])
            for index, title in enumerate(titles)
        }

    @cached_property
    def ladders(self) -> dict[str, dict[str, Any]]:
        """Return one chart for each supervisor with a number, in order."""
        span, titles = span_of(self.groups), short_methods(self.spec)
        drawn = {
            f"ladder-{index}": ladder_chart(self.by_supervisor(index), title, self.strong, titles, span)
            for index, title in enumerate(self.weak.values())
        }
        return {name: chart for name, chart in drawn.items() if chart}

    def chart(self, name: str) -> tuple[dict[str, Any], list[Group]] | None:
        """Return the chart of this name and its groups: grid-1 is the second method, ladder-0 the first supervisor."""
        kind, _, number = name.partition("-")
        chart = self.grids.get(name) or self.ladders.get(name)
        return (chart, self.of(int(number)) if kind == "grid" else self.by_supervisor(int(number))) if chart else None


def names(models: Sequence[str]) -> dict[str, str]:
    """Return short titles by name, or whole names for models whose short titles are equal."""
    short = {name: short_model(name) for name in models}
    alike = Counter(short.values())
    return {name: title if alike[title] == 1 else name for name, title in short.items()}


def over_pairs(groups: Sequence[Group], title: str, style: Style) -> OverPairs:
    """Return the median PGR of the pairs in state ok, the number of other pairs by state, and the mean gain of all pairs."""
    pgrs = [group.pgr.value for group in groups if group.pgr]
    gains = [group.gain.value for group in groups if group.gain]
    others = Counter(group.state for group in groups if not group.pgr)
    return OverPairs(
        title=title,
        style=style,
        pgr=rate(median(pgrs), 2) if pgrs else "",
        pgr_range=f"{rate(min(pgrs), 2)} to {rate(max(pgrs), 2)}" if pgrs else "",
        resolved=len(pgrs),
        left_out=joined([f"{number} {state}" for state, number in others.items()]),
        gain=points(mean(gains)) if gains else "",
        gain_range=f"{points(min(gains))} to {points(max(gains))}" if gains else "",
        with_gain=len(gains),
    )
