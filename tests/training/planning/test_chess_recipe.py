"""The shipped recipe of chess puzzles plans a fixed supervisor, growing students, their ceilings and bootstrapping."""

from collections import Counter

import pytest

from training import ExperimentSpec, Plan, catalog, make_plan
from training.recipes import recipes
from training.spec import RunSpec
from training.spec.methods import Bootstrapping

SEEDS = 5


@pytest.fixture(scope="module")
def spec() -> ExperimentSpec:
    return recipes()["chess-puzzles"]


@pytest.fixture(scope="module")
def plan(spec: ExperimentSpec) -> Plan:
    return make_plan(spec)


def supervisor_of(run: RunSpec, plan: Plan) -> RunSpec:
    return plan.runs[run.labels]


def test_the_supervisor_is_fixed_and_students_and_ceilings_grow(spec: ExperimentSpec, plan: Plan) -> None:
    sizes = [catalog.MODELS[name].parameters for name in (*spec.weak.models, *spec.strong.models)]
    assert sizes == sorted(set(sizes))
    assert {plan.runs[triplet.weak].model for triplet in plan.triplets} == set(spec.weak.models)
    ceilings = {triplet.ceiling for triplet in plan.triplets}
    assert Counter(plan.runs[key].model for key in ceilings) == dict.fromkeys(spec.strong.models, SEEDS)
    assert {plan.runs[key].labels for key in ceilings} == {"ground-truth"}


def test_bootstrapping_passes_through_the_smaller_student_and_its_control_does_not(spec: ExperimentSpec, plan: Plan) -> None:
    students = {
        spec.methods[triplet.method]: plan.runs[triplet.student]
        for triplet in plan.triplets
        if triplet.strong_model == "chess-medium" and triplet.seed == 0
    }
    chain, direct = students[Bootstrapping()], students[Bootstrapping(route="direct")]
    assert supervisor_of(chain, plan).model == "chess-small"
    assert supervisor_of(supervisor_of(chain, plan), plan).model == "chess-tiny"
    assert supervisor_of(direct, plan).model == "chess-tiny"
    assert chain.portion == direct.portion == (1, 2)


def test_no_run_is_trained_twice_and_none_reads_more_than_the_longest_puzzle(plan: Plan) -> None:
    assert len(plan.runs) == SEEDS * 8
    assert {(run.max_tokens, run.limit) for run in plan.runs.values()} == {(80, 800)}
