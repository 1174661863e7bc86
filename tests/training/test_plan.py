import pytest

from tests.training.conftest import make_run
from training import ExperimentSpec, make_plan
from training.plan import estimate_seconds, features_seconds

PROBE = {"strong": {"models": ["minilm-l4"]}}


def test_the_default_experiment_shares_supervisors_and_ceilings_between_methods() -> None:
    plan = make_plan(ExperimentSpec())
    # Five seeds: a supervisor, a ceiling and two students each.
    assert (plan.asked, len(plan.runs)) == (30, 20)


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
    one, other = make_plan(ExperimentSpec()), make_plan(ExperimentSpec.model_validate({"strong": {"models": ["minilm-l6"]}}))
    assert {t.weak for t in one.triplets} == {t.weak for t in other.triplets}
    assert {t.ceiling for t in one.triplets}.isdisjoint(t.ceiling for t in other.triplets)


def test_an_experiment_with_other_supervisors_shares_its_ceilings_and_not_its_students() -> None:
    one, other = make_plan(ExperimentSpec()), make_plan(ExperimentSpec.model_validate({"weak": {"models": ["minilm-l1"]}}))
    assert {t.ceiling for t in one.triplets} == {t.ceiling for t in other.triplets}
    assert {t.student for t in one.triplets}.isdisjoint(t.student for t in other.triplets)


def test_features_are_estimated_once_however_many_runs_read_them() -> None:
    plan = make_plan(ExperimentSpec())
    probe = next(run for run in plan.runs.values() if run.adaptation == "probe")
    alone = sum(estimate_seconds(run, features_ready=True) for run in plan.runs.values())
    assert sum(plan.estimate_seconds().values()) == pytest.approx(alone + features_seconds(probe))


def test_features_that_a_finished_run_made_are_not_made_again() -> None:
    plan = make_plan(ExperimentSpec())
    alone = sum(estimate_seconds(run, features_ready=True) for run in plan.runs.values())
    assert sum(plan.estimate_seconds(done=plan.runs).values()) == pytest.approx(alone)


def test_full_tuning_is_estimated_above_a_probe_and_more_epochs_above_fewer() -> None:
    probe = make_run("ceiling")
    full = probe.model_copy(update={"adaptation": "full"})
    assert estimate_seconds(probe) < estimate_seconds(full) < estimate_seconds(full.model_copy(update={"epochs": 50}))
