"""What the stored result holds of one pair, which the sentences and the tables of its page are made from."""

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
        self.contrasts = [one for one in result.contrasts if (one.weak_model, one.strong_model) == pair]
        self.outcomes = [one for one in result.triplets if (one.weak_model, one.strong_model) == pair]

    @property
    def complete(self) -> list[Group]:
        return [group for group in self.groups if group.seeds]

    @property
    def any(self) -> bool:
        return bool(self.complete)

    @cached_property
    def head(self) -> Group:
        """Whom the claim is about: the one method beside the baseline where there is exactly one, else the baseline itself.

        Never the best of several, since the best of several is best by luck too.
        """
        others = [group for group in self.complete if group.method != "naive"]
        naive = [group for group in self.complete if group.method == "naive"]
        return others[0] if len(others) == 1 else (naive or self.complete)[0]

    @property
    def resolved(self) -> bool:
        return any(group.pgr for group in self.groups)

    @property
    def seeds_text(self) -> str:
        """5 seeds; 2 to 5 seeds where methods differ in how many are complete."""
        numbers = sorted({len(group.seeds) for group in self.complete})
        return count(numbers[0], "seed") if len(numbers) == 1 else f"{numbers[0]} to {count(numbers[-1], 'seed')}"

    @property
    def sources(self) -> str:
        """What the intervals of this result are over."""
        return sources(len(group.seeds) for group in self.complete)
