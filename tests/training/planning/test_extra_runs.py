"""Methods that need more runs: what a plan has of them, and what a spec refuses."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from training import ExperimentSpec, Plan, make_plan
from training.planning.extra_runs import learns_from_supervisor, origins, trained_as
from training.spec import describe
from training.spec.methods import METHODS, PROMPTS, Anchored

SPEC: dict[str, Any] = {
    "weak": {"models": ["bag-of-words", "minilm-l1"]},
    "strong": {"models": ["minilm-l4", "minilm-l2"]},
    "seeds": 2,
}


TRAINED = [kind for kind in METHODS if kind not in PROMPTS]  # those ask a decoder: engine/test_prompting.py


def plan(*methods: Any, **changes: Any) -> Plan:
    return make_plan(ExperimentSpec.model_validate(SPEC | changes | {"methods": methods}))


def students(planned: Plan) -> set[str]:
    return {triplet.student for triplet in planned.triplets if triplet.strong_model == "minilm-l4"}


def another(info: FieldInfo) -> Any:
    """A value that is allowed and not the default."""
    if get_args(info.annotation):
        return next(value for value in get_args(info.annotation) if value != info.default)
    return info.default * 0.5 if isinstance(info.default, float) else info.default + 1


@pytest.mark.parametrize("kind", TRAINED, ids=lambda kind: kind.model_fields["kind"].default)
def test_every_setting_of_a_method_makes_other_students_and_leaves_supervisors_and_ceilings_alone(kind: Any) -> None:
    plain = plan(kind().model_dump())
    for name, info in kind.model_fields.items():
        if name == "kind" or (kind is Anchored and name == "threshold"):  # that follows from the number of classes
            continue
        changed = plan(kind().model_dump() | {name: another(info)})
        assert not students(plain) & students(changed), name
        assert [triplet.weak for triplet in plain.triplets] == [triplet.weak for triplet in changed.triplets]
        assert [triplet.ceiling for triplet in plain.triplets] == [triplet.ceiling for triplet in changed.triplets]


@pytest.mark.parametrize("kind", TRAINED, ids=lambda kind: kind.model_fields["kind"].default)
def test_a_student_hangs_on_a_supervisor_is_trained_as_the_method_says_and_comes_after_all_that_it_needs(kind: Any) -> None:
    planned, seen = plan(kind().model_dump()), set[str]()
    for key, run in planned.runs.items():
        assert set(run.needs) <= seen
        seen.add(key)
    for triplet in planned.triplets:
        student = planned.runs[triplet.student]
        assert student.method == trained_as(kind())
        assert (student.labels == triplet.weak) or not learns_from_supervisor(kind())
        assert triplet.weak_model in {
            planned.runs[key].model for key in origins(student, planned.runs) if planned.runs[key].half == "A"
        }


def test_methods_share_the_runs_that_they_have_in_common() -> None:
    naive = plan({"kind": "naive"})
    both = plan({"kind": "naive"}, {"kind": "relabelling"}, {"kind": "sequential"})
    # For each pair and seed two students of relabelling and one of sequential; both begin with the naive one.
    assert len(both.runs) == len(naive.runs) + 3 * 2 * 2 * 2


def test_runs_asked_for_are_never_fewer_than_the_distinct_ones() -> None:
    bagged = plan({"kind": "bagging", "members": 4}, **{role: {"models": ["bag-of-words"]} for role in ("weak", "strong")})
    # Two seeds: supervisor, ceiling, four members, their mean, the student.
    assert (bagged.requested, len(bagged.runs)) == (2 * 8, 2 * 8)
    assert plan({"kind": "naive"}).requested == 3 * 2 * 2 * 2


def test_members_of_an_ensemble_are_trained_once_for_all_strong_models() -> None:
    bagged = plan({"kind": "bagging", "members": 4})
    members = {key for run in bagged.runs.values() for key in run.members}
    assert len(members) == 4 * 2 * 2


def test_simulated_errors_make_other_supervisors_for_the_same_ceilings() -> None:
    own, sure = (plan({"kind": "naive"}, weak=SPEC["weak"] | {"errors": errors}) for errors in ("own", "sure"))
    assert [triplet.ceiling for triplet in own.triplets] == [triplet.ceiling for triplet in sure.triplets]
    for real, made in zip(own.triplets, sure.triplets, strict=True):
        run = sure.runs[made.weak]
        assert (run.labels, run.judge, sure.runs[made.student].labels) == (real.weak, made.ceiling, made.weak)


@pytest.mark.parametrize(
    ("method", "changes", "sentence"),
    [
        ({"kind": "ensemble-mean"}, {"weak": {"models": ["bag-of-words"]}}, "at least two weak models"),
        ({"kind": "bootstrapping"}, {"strong": {"models": ["minilm-l4"]}}, "at least two strong models"),
        ({"kind": "bagging"}, {"weak": {"errors": "random"}}, "their own errors"),
        ({"kind": "adaboost"}, {"weak": {"errors": "sure"}}, "their own errors"),
        ({"kind": "sequential"}, {"strong": {"tuning": "full"}}, "Keep full weights"),
    ],
)
def test_what_a_method_lacks_is_said_at_its_place(method: Any, changes: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        plan({"kind": "naive"}, method, **changes)
    (problem,) = describe(caught.value.errors())
    assert problem.path == "methods.1"
    assert sentence in problem.message
