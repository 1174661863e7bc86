"""Experiments of one method on the small data set, trained in this process."""

from typing import Any

from tests.factories.runs import finish
from training import ExperimentSpec, Plan, RunSpec, Store, make_plan


def plan_of(*methods: dict[str, Any], **changes: Any) -> Plan:
    """Two supervisors and two students of different sizes, on few rows and for few steps."""
    spec: dict[str, Any] = {
        "data": {"name": "clear-reviews", "limit": 80},
        "weak": {"models": ["bag-of-words", "minilm-l1"], "epochs": 2, "batch_size": 16},
        "strong": {"models": ["bag-of-words", "minilm-l1"], "epochs": 2, "batch_size": 16},
        "methods": methods,
        "seeds": 1,
    }
    for role, settings in changes.items():
        spec[role] = spec.get(role, {}) | settings
    return make_plan(ExperimentSpec.model_validate(spec))


def finish_all(plan: Plan, store: Store) -> None:
    done: set[str] = set()
    for key, run in plan.runs.items():
        assert set(run.needs) <= done, "a run stands before one that it needs"
        if not store.finished(key):
            finish(run, store)
        done.add(key)


def student_of(plan: Plan, weak: str = "bag-of-words", strong: str = "minilm-l1", method: int = 0) -> RunSpec:
    names = (weak, strong, method)
    return next(
        plan.runs[triplet.student]
        for triplet in plan.triplets
        if (triplet.weak_model, triplet.strong_model, triplet.method) == names
    )
