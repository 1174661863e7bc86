"""The experiments and runs that a comparison is about: its address is its state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import QueryDict

from webapp.access import Anybody
from webapp.experiments import queries
from webapp.experiments.listing import newest_named
from webapp.experiments.models import Experiment, Run
from webapp.findings.wording import count
from webapp.parsing import whole

MOST_EXPERIMENTS, MOST_RUNS = 50, 50
"""Experiments and single runs of one comparison; further ones are left out, and the page says how many."""

MOST_MATCHES = 8
"""Experiments that a search offers."""

LONGEST = 20
"""Characters of an unknown number that the page repeats."""


@dataclass(frozen=True)
class Numbers:
    """The numbers of an address in their order, each once; ``wrong`` are texts that are no number."""

    chosen: tuple[int, ...]
    wrong: tuple[str, ...]
    left_out: int


def numbers(texts: Sequence[str], most: int) -> Numbers:
    parsed = {text: whole(text, low=1) for text in dict.fromkeys(text.strip() for text in texts)}
    known = list(dict.fromkeys(number for number in parsed.values() if number is not None))
    wrong = tuple(text[:LONGEST] for text, number in parsed.items() if number is None and text)
    return Numbers(tuple(known[:most]), wrong[:most], len(known) - len(known[:most]))


class Selection:
    """``e`` and ``r`` of an address, each in its order, and its baselines: ``over``, a student, and ``run``, a run."""

    def __init__(self, viewer: Anybody, address: QueryDict) -> None:
        self.viewer = viewer
        self.of_experiments = numbers(address.getlist("e"), MOST_EXPERIMENTS)
        self.of_runs = numbers(address.getlist("r"), MOST_RUNS)
        self.over, self.base_run = address.get("over", ""), whole(address.get("run", ""))
        self.text = address.get("find", "").strip()

    @cached_property
    def experiments(self) -> list[Experiment]:
        """The experiments that the account may see."""
        chosen = self.of_experiments.chosen
        known = queries.visible(self.viewer).select_related("owner").in_bulk(chosen) if chosen else {}
        return [known[pk] for pk in chosen if pk in known]

    @cached_property
    def runs(self) -> list[Run]:
        """The runs that the account may see, as ``queries.runs_with_role`` returns them."""
        chosen = self.of_runs.chosen
        known = {run.pk: run for run in queries.runs_with_role(self.viewer, chosen)} if chosen else {}
        return [known[pk] for pk in chosen if pk in known]

    @property
    def any(self) -> bool:
        return bool(self.experiments or self.runs)

    @cached_property
    def matches(self) -> list[Experiment]:
        """The newest further experiments that the search finds; without one, the parents and clones of those compared."""
        chosen = [experiment.pk for experiment in self.experiments]
        visible = queries.visible(self.viewer).exclude(pk__in=chosen).only("name").order_by("-pk")
        if not self.text:
            parents = [experiment.parent_id for experiment in self.experiments if experiment.parent_id]
            return list(visible.filter(Q(parent__in=chosen) | Q(pk__in=parents))[:MOST_MATCHES]) if chosen else []
        named = newest_named(self.viewer, self.text, MOST_MATCHES + len(chosen))
        number = whole(self.text.removeprefix("#"), low=1)
        return list(visible.filter(pk__in=named if number is None else [*named, number])[:MOST_MATCHES])

    @property
    def problems(self) -> list[str]:
        """Return sentences about numbers that are unknown, and about those beyond the limits."""
        return [
            *_unknown("experiment", self.of_experiments, {experiment.pk for experiment in self.experiments}, MOST_EXPERIMENTS),
            *_unknown("run", self.of_runs, {run.pk for run in self.runs}, MOST_RUNS),
        ]

    def query(self, **changes: Any) -> str:
        """Return the query of the address of this comparison, or of one with ``changes``."""
        experiments: Sequence[int] = changes.get("experiments", [experiment.pk for experiment in self.experiments])
        runs: Sequence[int] = changes.get("runs", [run.pk for run in self.runs])
        over, base_run = changes.get("over", self.over), changes.get("base_run", self.base_run)
        parts = [*(("e", pk) for pk in experiments), *(("r", pk) for pk in runs)]
        parts += ([("over", over)] if over else []) + ([("run", base_run)] if base_run else [])
        return urlencode(parts)

    def with_experiment(self, pk: int) -> str:
        return self.query(experiments=[*(experiment.pk for experiment in self.experiments), pk])

    def without(self, row: Experiment | Run) -> str:
        if isinstance(row, Run):
            return self.query(runs=[run.pk for run in self.runs if run != row])
        return self.query(experiments=[experiment.pk for experiment in self.experiments if experiment != row])


def _unknown(noun: str, requested: Numbers, known: set[int], most: int) -> list[str]:
    missing = [*(str(pk) for pk in requested.chosen if pk not in known), *(f"“{text}”" for text in requested.wrong)]
    sentences = [f"There is no {noun} {', '.join(missing)}."] if missing else []
    if requested.left_out:
        more = "is" if requested.left_out == 1 else "are"
        sentences.append(f"{count(requested.left_out, f'further {noun}')} {more} left out: a comparison has at most {most}.")
    return sentences
