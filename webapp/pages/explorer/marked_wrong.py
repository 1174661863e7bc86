"""The page of examples whose gold label is marked wrong: what the result would be without them."""

from dataclasses import dataclass

from training.metrics.intervals import Estimate
from training.metrics.results import Group
from webapp.charts.numbers import rate, rate_interval
from webapp.experiments.models import Experiment
from webapp.explorer.marked_wrong import marked
from webapp.findings.wording import count, lower, method_titles, short_model


@dataclass(frozen=True)
class MarkedLine:
    """One method of one pair; each number as it is and as it would be without the marked."""

    title: str
    numbers: list[tuple[str, str, str, str]]


class MarkedPage:
    """Raises Missing."""

    def __init__(self, experiment: Experiment) -> None:
        found = marked(experiment)
        self.examples, self.rows = found.examples, found.original.test_rows or 0
        self.left = self.rows - len(self.examples)
        spec = experiment.experiment_spec
        titles = method_titles(spec)
        self.lines = []
        if found.result:
            for one, other in zip(found.original.groups, found.result.groups, strict=True):
                pair = f"{short_model(one.weak_model)} to {short_model(one.strong_model)}, {lower(titles[one.method_index])}"
                self.lines.append(MarkedLine(pair, numbers(one, other)))

    @property
    def words(self) -> str:
        return count(len(self.examples), "test example")


def numbers(one: Group, other: Group) -> list[tuple[str, str, str, str]]:
    """Title, value and interval of the original, and both without the marked in one text."""
    found = []
    for name, title, digits in (
        ("weak", "supervisor", 3),
        ("student", "student", 3),
        ("ceiling", "ceiling", 3),
        ("pgr", "PGR", 2),
    ):
        before, after = getattr(one, name), getattr(other, name)
        found.append((title, *_said(before, one, digits), " ".join(_said(after, other, digits))))
    return found


def _said(estimate: Estimate | None, group: Group, digits: int) -> tuple[str, str]:
    return (rate(estimate.value, digits), rate_interval(estimate, digits)) if estimate else ("", group.state)
