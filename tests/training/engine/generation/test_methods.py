"""Methods of students that learn written answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.factories.runs import finish
from tests.factories.written import RULE, keys_of, writing_plan
from training import Plan, Store, catalog
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.generation import writer
from training.metrics.results import summarize
from training.storage.artifacts import same


def test_the_majority_of_samples_counts_and_is_the_same_in_other_batches(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan.runs[keys_of(plan)["weak"]].model_copy(update={"answer_samples": 3, "answer_temperature": 0.8, "epochs": 3})
    first, second = Store(tmp_path / "first"), Store(tmp_path / "second")
    finish(run, first)
    monkeypatch.setattr(writer, "MOST_ROWS", {"cpu": 16, "cuda": 16})
    finish(run, second)
    assert same(first, run.key(), second, run.key())
    votes = np.unique(np.exp(first.read_answers(run.key()).log_probability) * 3).round(5)
    assert set(votes) <= {1, 2, 3}
    assert len(votes) > 1


def test_each_method_trains_on_the_rows_and_answers_that_it_chooses(
    writers: dict[str, Path], written: Store, tmp_path: Path
) -> None:
    kinds: tuple[dict[str, Any], ...] = (
        {"kind": "mixed", "fraction": 0.5},
        {"kind": "filter-threshold", "threshold": 0.0},
        {"kind": "filter-fraction", "keep": 0.5},
        {"kind": "easy-to-hard", "easy": 0.5},
        {"kind": "relabelling", "rounds": 1},
        {"kind": "bagging", "members": 2},
        {"kind": "sequential", "fraction": 0.5},
        {"kind": "few-shot", "shots": 1},
        {"kind": "zero-shot"},
    )
    plan = writing_plan(writers["weak"], writers["strong"], epochs=1, methods=kinds, max_tokens=32)
    store = Store(tmp_path)
    started = {}
    for key, run in plan.runs.items():
        started[key] = finish(run, store).of("started")[0]
    result = summarize(plan, store.read_outputs, store.read_course)
    assert [group.state for group in result.groups].count("incomplete") == 0
    by_kind = {kind["kind"]: started[plan.triplets[number].student] for number, kind in enumerate(kinds)}
    half = split_for(next(iter(plan.runs.values())), load_examples("made-sums", catalog.DATASETS["made-sums"].digest).group).b
    assert by_kind["filter-fraction"].rows == by_kind["easy-to-hard"].rows == int(np.ceil(len(half.train) / 2))
    assert by_kind["mixed"].rows is None


def test_bootstrapping_goes_through_smaller_models_and_its_control_does_not(writers: dict[str, Path]) -> None:
    methods = ({"kind": "bootstrapping"}, {"kind": "bootstrapping", "route": "direct"})
    plan = writing_plan(writers["weak"], writers["weak"], writers["strong"], methods=methods)
    chain, direct = (
        plan.runs[triplet.student]
        for triplet in plan.triplets
        if triplet.strong_model == catalog.model(str(writers["strong"])).name
    )
    assert chain.portion == direct.portion == (1, 2)
    assert direct.labels == plan.triplets[0].weak
    assert plan.runs[chain.labels].portion == (0, 2)
    assert plan.runs[chain.labels].answers == chain.answers == RULE
