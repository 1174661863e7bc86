"""Boards of methods over the laboratory's own results: on one board are only students under the very same conditions.

What is the same is decided by the keys of runs, which hold everything that decides an outcome: two results are on one board where
their supervisors and ceilings are the same runs, seed by seed. So data, test set, split, models and their training are the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from training.metrics.results import Group, Result
from training.spec.methods import Method
from webapp.experiments.models import Experiment
from webapp.findings.pairs import Pair
from webapp.findings.test_set_uses import DRAWS
from webapp.findings.wording import count, dataset_title, titles_of

Key = tuple[tuple[int, str, str], ...]
"""Of each seed the keys of its supervisor and its ceiling."""


@dataclass
class Entry:
    """One method: the same students, in whatever experiments they are."""

    method: Method
    group: Group
    experiments: list[Experiment]
    title: str = ""


@dataclass
class Board:
    dataset: str
    pair: Pair
    seeds: int
    settings: str
    looks: int
    """Experiments that were tested on these examples."""
    entries: dict[tuple[str, ...], Entry] = field(default_factory=dict)

    @property
    def lines(self) -> list[Entry]:
        """The best first; nothing says that neighbours differ."""
        found = sorted(self.entries.values(), key=lambda entry: -entry.group.student.value if entry.group.student else 0)
        for entry, title in zip(found, titles_of([entry.method for entry in found]), strict=True):
            entry.title = title
        return found

    @property
    def experiments(self) -> list[Experiment]:
        return list({one.pk: one for entry in self.entries.values() for one in entry.experiments}.values())

    @property
    def words(self) -> str:
        tested = f"{count(self.looks, 'experiment')} tested on these examples"
        return f"{count(self.seeds, 'seed')}; {self.settings}; {tested}"


def boards(experiments: Iterable[Experiment]) -> tuple[list[Board], int]:
    """Boards with two or more methods, the largest first, and how many results stand alone, since nothing is comparable."""
    found: dict[Key, Board] = {}
    listed = [one for one in experiments if one.result]
    drawn = [_drawn(one) for one in listed]
    for experiment, mine in zip(listed, drawn, strict=True):
        _enter(found, experiment, drawn.count(mine))
    shown = [board for board in found.values() if len(board.entries) > 1]
    return sorted(shown, key=lambda board: -len(board.entries)), len(found) - len(shown)


def _drawn(experiment: Experiment) -> tuple[Any, ...]:
    return tuple(experiment.spec["data"][name] for name in DRAWS)


def _enter(found: dict[Key, Board], experiment: Experiment, looks: int) -> None:
    spec, result = experiment.experiment_spec, Result.model_validate(experiment.result)
    for group in result.groups:
        at = (group.weak_model, group.strong_model, group.method_index)
        mine = [one for one in result.triplets if (one.weak_model, one.strong_model, one.method_index) == at and not one.missing]
        if not mine:
            continue
        key = tuple((one.seed, one.weak_run, one.ceiling_run) for one in mine)
        pair = Pair(0, group.weak_model, group.strong_model)
        settings = (
            f"weak {spec.weak.tuning}, {count(spec.weak.epochs, 'epoch')}; strong {spec.strong.tuning}, "
            f"{count(spec.strong.epochs, 'epoch')}; "
            + ("all rows" if spec.data.limit is None else f"{spec.data.limit:,} rows per half")
        )
        board = found.setdefault(key, Board(dataset_title(spec.data.name), pair, len(mine), settings, looks))
        students = tuple(one.student_run for one in mine)
        entry = board.entries.setdefault(students, Entry(spec.methods[group.method_index], group, []))
        if experiment not in entry.experiments:
            entry.experiments.append(experiment)
