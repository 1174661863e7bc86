"""Plans whose runs have finished with chosen accuracies."""

from typing import Any

import numpy as np

from training.metrics.results import Group, Result, summarize
from training.planning.plan import Plan, make_plan
from training.spec import ExperimentSpec, Method, Naive, StrongSpec, WeakSpec
from training.storage.predictions import Predictions, Trajectory

N = 800


Levels = dict[str | int, float]


def plan_of(
    seeds: int = 3,
    methods: tuple[Method, ...] = (Naive(),),
    weak: tuple[str, ...] = ("bag-of-words",),
    strong: tuple[str, ...] = ("minilm-l4",),
) -> Plan:
    return make_plan(ExperimentSpec(seeds=seeds, methods=methods, weak=WeakSpec(models=weak), strong=StrongSpec(models=strong)))


def predictions(right: Any, ids: Any = None) -> Predictions:
    """A run that is right exactly where ``right`` says, with rows of half B before the test rows."""
    n = len(right)
    gold = np.arange(n) % 2
    prob = np.where(right == (gold == 1), 0.9, 0.2)
    ids = np.arange(n) if ids is None else ids
    pad = np.array([10**6, 10**6 + 1])
    return Predictions(
        id=np.concatenate([pad, ids]),
        split=np.array(["transfer"] * 2 + ["test"] * n),
        group=np.concatenate([pad, ids]),
        gold=np.concatenate([[0, 1], gold]).astype(np.int8),
        prob=np.concatenate([[0.5, 0.5], prob]).astype(np.float32),
    )


def untold(key: str) -> Trajectory:
    """What is read of runs that have left no trajectory."""
    raise FileNotFoundError(key)


class FinishedRuns:
    """Finished runs by key, filled by role: ``levels`` gives each role's accuracy, and chance does the rest."""

    def __init__(self, plan: Plan, levels: Levels, seed_sd: float = 0.005) -> None:
        rng = np.random.default_rng(0)
        self.plan, self.runs = plan, dict[str, Predictions]()
        difficulty = rng.random(N)
        for triplet in plan.triplets:
            for role, key in (("weak", triplet.weak), (triplet.method, triplet.student), ("ceiling", triplet.ceiling)):
                if key not in self.runs:
                    level = levels[role] + seed_sd * rng.standard_normal()
                    self.runs[key] = predictions((0.5 * difficulty + 0.5 * rng.random(N)).argsort().argsort() < level * N)

    def drop(self, role: str, seed: int, method: int | None = None) -> None:
        for triplet in self.plan.triplets:
            if triplet.seed == seed and method in (None, triplet.method):
                self.runs.pop(getattr(triplet, role), None)

    def read(self, key: str) -> Predictions:
        if key not in self.runs:
            raise FileNotFoundError(key)
        return self.runs[key]

    def read_trajectory(self, key: str) -> Trajectory:
        """Of three evaluations: the first is what was predicted, the second right on one more example, the last always says 1."""
        test = self.read(key).part("test")
        better = test.prob.copy()
        wrong = np.flatnonzero(~test.right)
        first = wrong[np.argmin(test.id[wrong])]
        better[first] = test.gold[first]
        prob = np.stack([test.prob * 0, test.prob, better, np.ones_like(test.prob)])
        return Trajectory(np.array([0, 5, 10, 15]), test.id, prob, np.array([0, 1.0, 0.9, 0.5]), selected=5)

    def result(self) -> Result:
        return summarize(self.plan, self.read, self.read_trajectory)


LEVELS: Levels = {"weak": 0.65, 0: 0.72, 1: 0.75, 2: 0.73, "ceiling": 0.85}


def only(levels: Levels, **options: float) -> Group:
    (group,) = FinishedRuns(plan_of(), levels, **options).result().groups
    return group
