"""The page of examples whose gold label is marked as wrong, with the result without them."""

from dataclasses import dataclass

from training.metrics.intervals import Estimate
from training.metrics.results import Group
from webapp.charts.numbers import rate, rate_interval
from webapp.experiments.models import Experiment
from webapp.explorer.marked_wrong import marked
from webapp.findings.wording import count, lower, method_titles, short_model


@dataclass(frozen=True)
class MarkedLine:
    """One method of one pair; each number with and without the marked examples."""

    title: str
    numbers: list[tuple[str, str, str, str]]


class MarkedPage:
    """The content of the page. Raise Missing without a result."""

    def __init__(self, experiment: Experiment) -> None:
        comparison = marked(experiment)
        self.examples, self.rows = comparison.examples, comparison.original.test_rows or 0
        self.classes = comparison.original.classes
        self.left = self.rows - len(self.examples)
        spec = experiment.experiment_spec
        titles = method_titles(spec)
        self.lines = []
        if comparison.result:
            for group, other in zip(comparison.original.groups, comparison.result.groups, strict=True):
                pair = (
                    f"{short_model(group.weak_model)} to {short_model(group.strong_model)}, {lower(titles[group.method_index])}"
                )
                self.lines.append(MarkedLine(pair, numbers(group, other)))

    @property
    def written(self) -> bool:
        """Return whether the models write answers."""
        return self.classes is None

    @property
    def words(self) -> str:
        return count(len(self.examples), "test example")


def numbers(group: Group, other: Group) -> list[tuple[str, str, str, str]]:
    """Return title, value and interval of the original, and both without the marked examples in one text."""
    lines = []
    for name, title, digits in (
        ("weak", "supervisor", 3),
        ("student", "student", 3),
        ("ceiling", "ceiling", 3),
        ("pgr", "PGR", 2),
    ):
        before, after = getattr(group, name), getattr(other, name)
        lines.append((title, *_said(before, group, digits), " ".join(_said(after, other, digits))))
    return lines


def _said(estimate: Estimate | None, group: Group, digits: int) -> tuple[str, str]:
    return (rate(estimate.value, digits), rate_interval(estimate, digits)) if estimate else ("", group.state)
