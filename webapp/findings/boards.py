"""Boards that compare methods over the laboratory's own results; a board contains only students under equal conditions.

Run keys decide whether conditions are equal, since a key covers everything that decides an outcome: two results share a board if
their supervisors and ceilings are the same runs, seed by seed. So data, test set, split, models and their training are the same.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from training.metrics.results import Group, Result
from training.spec.methods import Method
from webapp.experiments.models import Experiment
from webapp.findings.pairs import Pair
from webapp.findings.test_set_uses import DRAWS
from webapp.findings.wording import count, dataset_title, titles_of

Key = tuple[tuple[int, str, str], ...]
"""The seed, the key of its supervisor and the key of its ceiling, for each seed."""


@dataclass
class Entry:
    """One method: the same students, in all experiments that have them."""

    method: Method
    group: Group
    experiments: list[Experiment]
    title: str = ""


@dataclass
class Board:
    id: str
    """A hash of its conditions, which a new result does not change."""
    dataset: str
    pair: Pair
    seeds: int
    settings: str
    uses: int
    """Number of experiments that were tested on these examples."""
    entries: dict[tuple[str, ...], Entry] = field(default_factory=dict)

    @property
    def lines(self) -> list[Entry]:
        """Return the entries by descending accuracy; neighbours need not differ significantly."""
        entries = sorted(self.entries.values(), key=lambda entry: -entry.group.student.value if entry.group.student else 0)
        for entry, title in zip(entries, titles_of([entry.method for entry in entries]), strict=True):
            entry.title = title
        return entries

    @property
    def experiments(self) -> list[Experiment]:
        return list({experiment.pk: experiment for entry in self.entries.values() for experiment in entry.experiments}.values())

    @property
    def words(self) -> str:
        tested = f"{count(self.uses, 'experiment')} tested on these examples"
        return f"{count(self.seeds, 'seed')}; {self.settings}; {tested}"


def boards(experiments: Iterable[Experiment]) -> tuple[list[Board], int]:
    """Return boards with two or more methods, the largest first, and the number of results that are comparable with no other."""
    by_conditions: dict[Key, Board] = {}
    listed = [experiment for experiment in experiments if experiment.result]
    drawn = [_drawn(experiment) for experiment in listed]
    uses = Counter(drawn)
    for experiment, drawn_here in zip(listed, drawn, strict=True):
        _enter(by_conditions, experiment, uses[drawn_here])
    shown = [board for board in by_conditions.values() if len(board.entries) > 1]
    return sorted(shown, key=lambda board: -len(board.entries)), len(by_conditions) - len(shown)


def _id(key: Key) -> str:
    return sha256(repr(key).encode()).hexdigest()[:12]


def _drawn(experiment: Experiment) -> tuple[Any, ...]:
    return tuple(experiment.spec["data"][name] for name in DRAWS)


def _enter(by_conditions: dict[Key, Board], experiment: Experiment, uses: int) -> None:
    spec, result = experiment.experiment_spec, Result.model_validate(experiment.result)
    for group in result.groups:
        at = (group.weak_model, group.strong_model, group.method_index)
        outcomes = [
            outcome
            for outcome in result.triplets
            if (outcome.weak_model, outcome.strong_model, outcome.method_index) == at and not outcome.missing
        ]
        if not outcomes:
            continue
        key = tuple((outcome.seed, outcome.weak_run, outcome.ceiling_run) for outcome in outcomes)
        pair = Pair(0, group.weak_model, group.strong_model)
        settings = (
            f"weak {spec.weak.tuning}, {count(spec.weak.epochs, 'epoch')}; strong {spec.strong.tuning}, "
            f"{count(spec.strong.epochs, 'epoch')}; "
            + ("all rows" if spec.data.limit is None else f"{spec.data.limit:,} rows per half")
        )
        board = by_conditions.setdefault(key, Board(_id(key), dataset_title(spec.data.name), pair, len(outcomes), settings, uses))
        students = tuple(outcome.student_run for outcome in outcomes)
        entry = board.entries.setdefault(students, Entry(spec.methods[group.method_index], group, []))
        if experiment not in entry.experiments:
            entry.experiments.append(experiment)
