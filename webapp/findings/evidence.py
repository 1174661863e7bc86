"""The stored result of one pair, from which the sentences and tables of its page are made."""

from functools import cached_property

from training import ExperimentSpec
from training.metrics.results import Group, Result
from webapp.findings.pairs import Pair, PairLanes
from webapp.findings.wording import count, method_titles, sources


class Evidence:
    """The result for one pair."""

    def __init__(self, spec: ExperimentSpec, result: Result, lanes: PairLanes) -> None:
        self.spec, self.result, self.lanes = spec, result, lanes
        self.pair: Pair = lanes.pair
        self.titles = method_titles(spec)
        pair = (self.pair.weak, self.pair.strong)
        self.groups = [group for group in result.groups if (group.weak_model, group.strong_model) == pair]
        self.contrasts = [row for row in result.contrasts if (row.weak_model, row.strong_model) == pair]
        self.outcomes = [row for row in result.triplets if (row.weak_model, row.strong_model) == pair]

    @property
    def written(self) -> bool:
        """Return whether the models write answers, of which no probabilities of classes are known."""
        return self.result.classes is None

    @property
    def complete(self) -> list[Group]:
        return [group for group in self.groups if group.seeds]

    @property
    def any(self) -> bool:
        return bool(self.complete)

    @cached_property
    def head(self) -> Group:
        """Return the group that the claim is about: the only method besides the baseline, or with several the baseline itself.

        It is never the best of several methods, since the best of several is partly best by chance.
        """
        others = [group for group in self.complete if group.method != "naive"]
        naive = [group for group in self.complete if group.method == "naive"]
        return others[0] if len(others) == 1 else (naive or self.complete)[0]

    @property
    def resolved(self) -> bool:
        return any(group.pgr for group in self.groups)

    @property
    def seeds_text(self) -> str:
        """5 seeds; 2 to 5 seeds if the number of complete seeds differs between methods."""
        numbers = sorted({len(group.seeds) for group in self.complete})
        return count(numbers[0], "seed") if len(numbers) == 1 else f"{numbers[0]} to {count(numbers[-1], 'seed')}"

    @property
    def sources(self) -> str:
        """Return the sources of variation that the intervals of this result cover."""
        return sources(len(group.seeds) for group in self.complete)
