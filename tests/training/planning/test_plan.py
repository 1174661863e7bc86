import pytest

from tests.factories.runs import make_run
from training import ExperimentSpec, make_plan
from training.planning.estimates import estimate_seconds, features_seconds
from training.planning.plan import TooManyRuns, check_size, same_pass
from training.spec.methods import ZeroShot

PROBE = {"strong": {"models": ["minilm-l4"]}}


def test_the_default_experiment_shares_supervisors_and_ceilings_between_methods() -> None:
    plan = make_plan(ExperimentSpec())
    # Five seeds: a supervisor, a ceiling and two students each.
    assert (plan.requested, len(plan.runs)) == (30, 20)


def test_every_run_comes_after_the_runs_it_needs() -> None:
    plan = make_plan(ExperimentSpec.model_validate({"weak": {"models": ["bag-of-words", "minilm-l1"]}, **PROBE}))
    seen: set[str] = set()
    for key, run in plan.runs.items():
        assert set(run.needs) <= seen
        seen.add(key)


def test_the_ceiling_learns_from_the_rows_of_the_student() -> None:
    plan = make_plan(ExperimentSpec())
    for triplet in plan.triplets:
        student, ceiling = plan.runs[triplet.student], plan.runs[triplet.ceiling]
        assert ceiling == student.model_copy(update={"labels": "ground-truth", "method": ceiling.method})


def test_an_experiment_with_other_students_shares_its_supervisors() -> None:
    planned, other = make_plan(ExperimentSpec()), make_plan(ExperimentSpec.model_validate({"strong": {"models": ["minilm-l6"]}}))
    assert {t.weak for t in planned.triplets} == {t.weak for t in other.triplets}
    assert {t.ceiling for t in planned.triplets}.isdisjoint(t.ceiling for t in other.triplets)


def test_an_experiment_with_other_supervisors_shares_its_ceilings_and_not_its_students() -> None:
    planned, other = make_plan(ExperimentSpec()), make_plan(ExperimentSpec.model_validate({"weak": {"models": ["minilm-l1"]}}))
    assert {t.ceiling for t in planned.triplets} == {t.ceiling for t in other.triplets}
    assert {t.student for t in planned.triplets}.isdisjoint(t.student for t in other.triplets)


def test_features_are_estimated_once_however_many_runs_read_them() -> None:
    plan = make_plan(ExperimentSpec())
    probe = next(run for run in plan.runs.values() if run.adaptation == "probe")
    alone = sum(estimate_seconds(run, features_ready=True) for run in plan.runs.values())
    assert sum(plan.estimate_seconds().values()) == pytest.approx(alone + features_seconds(probe))


def test_one_pass_over_the_deepest_cut_is_estimated_for_all_depths_of_a_model() -> None:
    models = {"weak": {"models": ["minilm-l1"]}, "strong": {"models": ["minilm-l2", "minilm-l4"]}, "seeds": 1}
    plan = make_plan(ExperimentSpec.model_validate(models))
    depths = {run.model: run for run in plan.runs.values()}
    alone = sum(estimate_seconds(run, features_ready=True) for run in plan.runs.values())
    assert sum(plan.estimate_seconds().values()) == pytest.approx(alone + features_seconds(depths["minilm-l4"]))
    shallow = [key for key, run in plan.runs.items() if run.model == "minilm-l1"]
    assert same_pass(plan.runs[shallow[0]], plan.runs.values()) == ["minilm-l2", "minilm-l4"]
    for change in ({"max_tokens": 64}, {"adaptation": "full"}, {"pooling": "cls"}, {"features_of": "a" * 64}):
        assert same_pass(plan.runs[shallow[0]], [depths["minilm-l2"].model_copy(update=change)]) == []


def test_a_decoder_that_is_cut_has_a_pass_of_its_own_since_only_its_last_token_is_computed_in_its_last_layer() -> None:
    cut = [make_run("ceiling", model=f"smollm2-135m-instruct-l{layers}", digest="a" * 64) for layers in (10, 20)]
    assert same_pass(cut[0], cut) == []


def test_prompts_of_limited_halves_are_estimated_by_the_rows_that_are_answered() -> None:
    run = make_run("ceiling", model="gpt2", method=ZeroShot(), limit=64)
    assert features_seconds(run) < 0.6 * features_seconds(run.model_copy(update={"limit": None}))


def test_features_that_a_finished_run_made_are_not_made_again() -> None:
    plan = make_plan(ExperimentSpec())
    alone = sum(estimate_seconds(run, features_ready=True) for run in plan.runs.values())
    assert sum(plan.estimate_seconds(done=plan.runs).values()) == pytest.approx(alone)


def test_full_tuning_is_estimated_above_a_probe_and_more_epochs_above_fewer() -> None:
    probe = make_run("ceiling")
    full = probe.model_copy(update={"adaptation": "full"})
    assert estimate_seconds(probe) < estimate_seconds(full) < estimate_seconds(full.model_copy(update={"epochs": 50}))


METHODS = ["naive", "bagging", "adaboost", "relabelling", "bootstrapping", "ensemble-mean"]


@pytest.mark.parametrize("strong", [{}, {"tuning": "lora", "saliency": True}])
@pytest.mark.parametrize(("errors", "methods"), [("own", METHODS), ("unsure", ["naive", "relabelling"])])
def test_every_seed_is_planned_as_the_first_and_every_key_is_that_of_its_run(
    strong: dict[str, object], errors: str, methods: list[str]
) -> None:
    models = ["bag-of-words", "minilm-l1"]
    settings = {"weak": {"models": models, "errors": errors}, "strong": {"models": models, **strong}}
    plan = make_plan(ExperimentSpec.model_validate({**settings, "seeds": 3, "methods": [{"kind": kind} for kind in methods]}))
    assert all(run.key() == key for key, run in plan.runs.items())
    done: set[str] = set()
    for key, run in plan.runs.items():
        assert done.issuperset(run.needs), "a run comes after those that it needs"
        assert {plan.runs[need].seed for need in run.needs} <= {run.seed}
        done.add(key)
    assert [run.seed for run in plan.runs.values()] == sorted(run.seed for run in plan.runs.values())
    assert {planned.seed for planned in plan.triplets} == {0, 1, 2}
    assert all(
        plan.runs[key].seed == planned.seed
        for planned in plan.triplets
        for key in (planned.weak, planned.student, planned.ceiling)
    )


def test_an_experiment_with_more_runs_than_are_allowed_is_not_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_RUNS", "20")
    assert len(make_plan(ExperimentSpec()).runs) == 20
    with pytest.raises(TooManyRuns, match="needs more than 20 runs"):
        make_plan(ExperimentSpec(seeds=6))


def test_by_default_ten_thousand_runs_are_allowed() -> None:
    models = ["bag-of-words", *(f"minilm-l{layers}" for layers in range(1, 7))]
    methods = [{"kind": kind} for kind in ("naive", "window", "entropy", "product", "adaboost")]
    settings = {"weak": {"models": models}, "strong": {"models": models}, "seeds": 50}
    check_size(ExperimentSpec.model_validate({**settings, "methods": methods[:3]}))
    with pytest.raises(TooManyRuns, match="10,000"):
        check_size(ExperimentSpec.model_validate({**settings, "methods": methods}))
