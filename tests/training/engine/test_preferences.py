"""Reward models: from pairs of texts to a supervisor, a student and a ceiling that say which one is preferred."""

import runpy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factories.runs import finish
from training import ExperimentSpec, Plan, Store, catalog, make_plan
from training.engine.models.features import features_path
from training.metrics.results import summarize


def planned(model: str, tuning: str = "probe", **training: object) -> Plan:
    strong = {"models": [model], "tuning": tuning, "epochs": 2, "batch_size": 16, "max_tokens": 32} | training
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "movie-preferences", "limit": 600},
                "weak": {"models": ["bag-of-words"]},
                "strong": strong,
                "methods": [{"kind": "naive"}],
                "seeds": 1,
            }
        )
    )


def test_a_reward_model_learns_from_ground_truth_and_from_the_soft_labels_of_another(tmp_path: Path) -> None:
    plan, store = planned("bag-of-words", epochs=8), Store(tmp_path)
    for run in plan.runs.values():
        finish(run, store)
    result = summarize(plan, store.read_predictions, store.read_trajectory)
    (group,) = result.groups
    assert group.weak
    assert group.weak.value > 0.55
    assert group.agreement
    assert group.agreement.overall.value > 0.6  # the student follows its supervisor
    soft = store.read_predictions(plan.triplets[0].weak).part("transfer").prob
    assert len(np.unique(soft)) > 100


@pytest.mark.parametrize("tuning", ["probe", "full", "lora"])
def test_a_transformer_compares_two_texts_by_every_way_of_tuning(models: dict[str, Path], tmp_path: Path, tuning: str) -> None:
    plan, store = planned(str(models["llama"]), tuning, lr=1e-3), Store(tmp_path)
    run = plan.runs[plan.triplets[0].ceiling].model_copy(update={"limit": 64})
    recording = finish(run, store)
    losses = [event.loss for event in recording.of("metric")]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    assert features_path(run, store, "a") != features_path(run, store, "b")
    assert features_path(run, store, "b").exists() == (tuning == "probe")


def test_the_embedded_preferences_are_what_their_script_builds_and_no_snippet_is_in_two_pairs() -> None:
    entry = catalog.dataset("movie-preferences")
    table = pq.read_table(entry.path)
    build = runpy.run_path(str(entry.path.with_name("build_movie_preferences.py")))["build"]
    assert table.equals(build(pq.read_table(catalog.dataset("movie-reviews").path)))
    assert table.num_rows == entry.rows
    texts = table["text"].to_pylist() + table["text_b"].to_pylist()
    assert len(set(texts)) == 2 * entry.rows
    assert 0.45 < table["label"].to_numpy().mean() < 0.55
