"""Runs that train nothing, on what others said of three classes and of a supervisor that never errs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.factories.runs import finish, make_run
from training.engine.data.examples import Examples, load_examples
from training.engine.errors import EngineError
from training.engine.targets.derived_labels import combine, simulate
from training.storage.artifacts import Store
from training.storage.predictions import Predictions


@pytest.fixture
def three(tmp_path: Path) -> tuple[Store, Examples]:
    """A store where "weak" has spoken of three classes."""
    run = make_run()
    examples = load_examples(run.dataset, run.fingerprint)
    examples = replace(examples, labels=(np.arange(len(examples)) % 3).astype(np.int8))
    rng, n = np.random.default_rng(0), 300
    prob = rng.dirichlet([1, 1, 1], n).astype(np.float32)
    parts = np.repeat(["transfer", "test", "locked"], [150, 100, 50])
    store = Store(tmp_path)
    store.write_predictions("weak", Predictions(examples.id[:n], parts, examples.group[:n], examples.label[:n], prob))
    return store, examples


def test_of_three_classes_errors_are_as_many_as_the_supervisors_and_of_both_other_classes(three: tuple[Store, Examples]) -> None:
    store, examples = three
    said = simulate(make_run(labels="weak", errors="random"), examples, store)
    weak = store.read_predictions("weak")
    for part in ("transfer", "test", "locked"):
        assert said.part(part).right.sum() == weak.part(part).right.sum()
    away = (said.label - said.gold) % 3
    assert set(np.unique(away)) == {0, 1, 2}
    np.testing.assert_array_equal(np.sort(np.unique(said.prob)), [0, 1])
    again = simulate(make_run(labels="weak", errors="random", seed=1), examples, store)
    assert (again.prob != said.prob).any()


def test_the_longest_texts_are_wrong_first(three: tuple[Store, Examples]) -> None:
    store, examples = three
    lengths = np.array([len(text) for text in examples.text.to_pylist()[:300]])
    for errors, sign in (("longest", 1), ("shortest", -1)):
        said = simulate(make_run(labels="weak", errors=errors), examples, store)
        for part in ("transfer", "test"):
            own = said.split == part
            score = sign * lengths[own]
            assert score[~said.right[own]].min() >= score[said.right[own]].max()


def test_a_run_without_its_sources_is_an_error_with_a_sentence(store: Store) -> None:
    with pytest.raises(EngineError, match="which this one is made of, has left no predictions"):
        combine(make_run(members=("a" * 64, "b" * 64)), store)


def test_a_derived_run_tells_one_step_from_nothing_to_all_and_leaves_no_weights(store: Store) -> None:
    weak = make_run()
    finish(weak, store)
    run = weak.model_copy(update={"members": (weak.key(),), "stop": "last"})
    recording = finish(run, store)
    assert [event.kind for event in recording.events] == ["started", "evaluation", "evaluation", "finished"]
    assert recording.of("started")[0].total_steps == 1
    np.testing.assert_array_equal(store.read_predictions(run.key()).prob, store.read_predictions(weak.key()).prob)
    assert not store.weights(run.key()).exists()
    course = store.read_trajectory(run.key())
    assert (course.at(0) == 0.5).all()
    assert recording.of("finished")[0].accuracy == course.accuracy(1, store.read_predictions(run.key()).part("test").gold)
