"""Experiments with prompts on few reviews, and the prompts of their runs."""

from typing import Any

import numpy as np

from tests.factories.runs import finish
from training import ExperimentSpec, Plan, RunSpec, Store, make_plan
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.models.prompting import prompts


def plan_of(model: str, *methods: dict[str, Any], tokens: int = 120, tuning: str = "probe") -> Plan:
    little = {"epochs": 1, "batch_size": 16}
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "clear-reviews", "limit": 64},
                "weak": {"models": ["bag-of-words"], **little},
                "strong": {"models": [model], "tuning": tuning, "max_tokens": tokens, **little},
                "methods": methods,
                "seeds": 1,
            }
        )
    )


def student_of(plan: Plan, method: int = 0) -> RunSpec:
    return next(plan.runs[triplet.student] for triplet in plan.triplets if triplet.method == method)


def finish_all(plan: Plan, store: Store) -> None:
    for run in plan.runs.values():
        finish(run, store)


def prompts_of(run: RunSpec, store: Store) -> list[str]:
    examples = load_examples(run.dataset, run.fingerprint)
    shown: list[str] = prompts(run, examples, split_for(run, examples.group), store, np.arange(len(examples.id))).to_pylist()
    return shown
