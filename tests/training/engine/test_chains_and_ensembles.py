"""Methods with extra runs: chains of students and ensembles of supervisors."""

import numpy as np

from tests.factories.methods import finish_all, plan_of, student_of
from tests.factories.runs import Recording, finish
from training import RunSpec, Store
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.spec.methods import (
    AdaBoost,
    Mixed,
    Sequential,
)


def test_a_sequential_student_begins_as_the_weakly_trained_one_ended_and_learns_from_few_rows(shared: Store) -> None:
    plan = plan_of(Sequential(fraction=0.5).model_dump())
    finish_all(plan, shared)
    student = student_of(plan)
    assert student.start is not None
    begun, went_on = shared.read_predictions(student.start).part("test"), shared.read_trajectory(student.key())
    np.testing.assert_array_equal(went_on.at(0), begun.prob)
    assert (went_on.at(went_on.last) != begun.prob).any()
    mixed = student_of(plan_of(Mixed(fraction=0.5).model_dump()))
    assert mixed.labels != student.labels


def test_bootstrapping_goes_up_on_fresh_rows_and_its_control_skips_the_middle(shared: Store) -> None:
    chain, direct = (plan_of({"kind": "bootstrapping", "route": route}) for route in ("chain", "direct"))
    last, control = student_of(chain), student_of(direct)
    middle = chain.runs[last.labels]
    assert (middle.model, middle.portion, last.portion) == ("bag-of-words", (0, 2), (1, 2))
    assert chain.runs[middle.labels].half == "A"
    assert control == last.model_copy(update={"labels": middle.labels})
    assert student_of(chain, strong="bag-of-words").portion is None  # nothing is smaller
    finish_all(chain, shared)
    started = [finish_again(run, shared).of("started")[0] for run in (middle, last)]
    assert sum(event.rows for event in started) == started[0].rows_of == started[1].rows_of


def finish_again(run: RunSpec, store: Store) -> Recording:
    (store.run(run.key()) / "predictions.parquet").unlink()
    return finish(run, store)


def test_relabelling_has_a_fresh_student_for_each_round(shared: Store) -> None:
    plan = plan_of({"kind": "relabelling", "rounds": 3})
    run, models = student_of(plan), []
    while run.half == "B":
        models.append(run.model)
        assert run.start is None
        run = plan.runs[run.labels]
    assert models == ["minilm-l1"] * 4
    assert run.model == "bag-of-words"


def test_the_mean_of_supervisors_and_of_bagged_ones_is_what_the_student_is_trained_on(shared: Store) -> None:
    plan = plan_of({"kind": "ensemble-mean"}, {"kind": "bagging", "members": 3})
    finish_all(plan, shared)
    for method, count in ((0, 2), (1, 3)):
        together = plan.runs[student_of(plan, method=method).labels]
        assert len(together.members) == count
        expected = np.mean([shared.read_predictions(key).prob.astype(float) for key in together.members], axis=0)
        np.testing.assert_allclose(shared.read_predictions(together.key()).prob, expected, atol=1e-7)
    bagged = [plan.runs[key] for key in together.members]
    assert [run.resample for run in bagged] == [0, 1, 2]
    started = finish_again(bagged[0], shared).of("started")[0]
    assert 0.5 < started.rows / started.rows_of < 0.75  # of a bootstrap sample about 1 - 1 / e


def test_adaboost_weighs_members_by_their_errors_on_what_was_hard(shared: Store) -> None:
    plan = plan_of(AdaBoost(members=3).model_dump())
    finish_all(plan, shared)
    together = plan.runs[student_of(plan).labels]
    own = [shared.read_predictions(key).part("own") for key in together.members]
    assert {len(predictions.id) for predictions in own} == {len(own[0].id)}
    examples = load_examples(together.dataset, together.fingerprint)
    np.testing.assert_array_equal(own[0].id, examples.id[split_for(together, examples.group).a.train])
    weight, votes = np.full(len(own[0].id), 1 / len(own[0].id)), []
    for member in own:
        wrong = member.label != member.gold
        error = min(max(weight[wrong].sum(), 1e-6), 1 - 1e-6)
        votes.append(max(0, 0.5 * np.log((1 - error) / error)))
        if votes[-1]:
            weight = np.where(wrong, weight / (2 * error), weight / (2 * (1 - error)))
            weight /= weight.sum()
    said = shared.read_predictions(together.key())
    assert set(said.split) == {"transfer", "test", "locked"}
    members = [shared.read_predictions(key) for key in together.members]
    expected = sum(
        vote * predictions.take(predictions.split != "own").prob.astype(float)
        for vote, predictions in zip(votes, members, strict=True)
    )
    np.testing.assert_allclose(said.prob, expected / sum(votes), atol=1e-6)
    assert plan.runs[together.members[2]].boosts == together.members[:2]
