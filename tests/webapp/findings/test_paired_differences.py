"""Differences between students of two experiments are those of a result; without the same supervisors there is a reason."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests.factories.damage import damaged
from tests.factories.experiments import finish_all, launched, of
from training.metrics.results import Contrast, Outcome, Result
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment, Role
from webapp.findings import paired_differences
from webapp.findings.paired_differences import Reader, Reason, accuracy_of, contrast, run_difference

pytestmark = pytest.mark.usefixtures("called")

METHODS = [{"kind": "naive"}, {"kind": "confidence"}]


@pytest.fixture(autouse=True)
def uncached() -> None:
    paired_differences.CONTRASTS.clear()


def done(owner: User, **changes: object) -> Experiment:
    experiment = launched(owner, **{"seeds": 3, "methods": METHODS[:1], **changes})
    finish_all(experiment)
    return experiment


def students(experiment: Experiment, method: int = 0) -> Sequence[Outcome]:
    result = Result.model_validate(experiment.result)
    return [outcome for outcome in result.triplets if outcome.method_index == method]


def word(base: Experiment, other: Experiment) -> str:
    reason = contrast(students(base), students(other), Reader())
    assert isinstance(reason, Reason)
    return reason.word


def test_students_of_two_experiments_differ_as_they_do_in_one_experiment_that_has_both(owner: User) -> None:
    both = done(owner, methods=METHODS)
    naive, confidence = done(owner), done(owner, methods=METHODS[1:])
    [expected] = Result.model_validate(both.result).contrasts
    made = contrast(students(naive), students(confidence), Reader())
    assert isinstance(made, Contrast)
    assert (made.difference, made.p, made.seeds) == (expected.difference, expected.p, (0, 1, 2))
    assert contrast(students(naive), students(confidence), Reader()) == made, "also from the cache"


def test_only_seeds_with_the_same_supervisor_are_paired(owner: User) -> None:
    two, three = done(owner, seeds=2), done(owner, methods=METHODS[1:])
    made = contrast(students(two), students(three), Reader())
    assert isinstance(made, Contrast)
    assert made.seeds == (0, 1)


def test_other_supervisors_other_data_and_the_same_runs_give_a_reason_and_no_number(owner: User) -> None:
    base = done(owner)
    assert word(base, done(owner, weak={"models": ["bag-of-words"], "epochs": 7})) == "not paired"
    assert word(base, done(owner, data={"split_seed": 4})) == "not paired"
    assert word(base, done(owner, seeds=2)) == "same runs"
    other = done(owner, methods=METHODS[1:])
    damaged(artifact_store().run(students(other)[0].student_run) / "predictions.parquet", Path.unlink)
    assert word(base, other) == "unreadable"


def test_two_runs_are_compared_on_the_same_examples_alone(owner: User) -> None:
    experiment, other = done(owner), launched(owner, data={"name": "movie-preferences"})
    finish_all(other, classes=3)
    weak, ceiling, elsewhere = of(experiment, Role.WEAK), of(experiment, Role.CEILING), of(other, Role.WEAK)
    read = Reader()
    compared = run_difference(weak.key, ceiling.key, 0, read)
    assert not isinstance(compared, Reason)
    estimate, test = compared
    assert ceiling.accuracy is not None
    first, second = accuracy_of(weak.key, read), accuracy_of(ceiling.key, read)
    assert first is not None
    assert second is not None
    assert estimate.value == pytest.approx(second.value - first.value)
    assert (test.second - test.first) / 400 == pytest.approx(estimate.value)
    assert estimate.low is not None
    assert estimate.low < estimate.value
    apart = run_difference(weak.key, elsewhere.key, 0, read)
    assert isinstance(apart, Reason)
