"""The groups of runs of a plan that are trained side by side, and their order."""

from training import ExperimentSpec, make_plan
from training.planning.groups import group_of, next_group


def test_runs_of_a_plan_are_trained_group_by_group_and_supervisors_first() -> None:
    spec = {
        "weak": {"models": ["bag-of-words", "minilm-l1"]},
        "strong": {"models": ["minilm-l2"]},
        "methods": [{"kind": "naive"}, {"kind": "confidence"}],
        "seeds": 3,
    }
    plan = make_plan(ExperimentSpec.model_validate(spec))
    waiting, groups = set(plan.runs), []
    while waiting:
        keys = next_group(plan, waiting)
        assert not any(waiting.intersection(plan.runs[key].needs) for key in keys)
        groups.append([plan.runs[key] for key in keys])
        waiting.difference_update(keys)
    assert [{run.model for run in runs} for runs in groups] == [{"bag-of-words"}, {"minilm-l1"}, {"minilm-l2"}]
    assert [len(runs) for runs in groups] == [3, 3, 15]


def test_what_tunes_a_transformer_or_trains_nothing_has_no_group() -> None:
    spec = {
        "weak": {"models": ["minilm-l1"], "errors": "random"},
        "strong": {"models": ["minilm-l2"], "tuning": "full"},
        "methods": [{"kind": "naive"}],
        "seeds": 1,
    }
    plan = make_plan(ExperimentSpec.model_validate(spec))
    for run in plan.runs.values():
        assert (group_of(run) is None) == (run.adaptation == "full" or run.derives)
        assert next_group(plan, [run.key()]) == [run.key()]


def test_a_run_waits_for_those_that_it_needs_while_they_are_at_work() -> None:
    tuned = {"tuning": "full"}
    spec = {"weak": {"models": ["minilm-l1"]} | tuned, "strong": {"models": ["minilm-l2"]} | tuned, "seeds": 1}
    plan = make_plan(ExperimentSpec.model_validate(spec | {"methods": [{"kind": "naive"}]}))
    (triplet,) = plan.triplets
    waiting = {triplet.student}
    assert next_group(plan, waiting, {triplet.weak}) == []
    assert next_group(plan, waiting | {triplet.ceiling}, {triplet.weak}) == [triplet.ceiling]
    assert next_group(plan, waiting, {triplet.ceiling}) == [triplet.student]
