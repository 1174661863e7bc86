"""A frozen copy of examples: what it shows is what the laboratory showed, and nothing that was left out."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User

from tests.factories.damage import damaged
from tests.factories.explored_experiments import explored, ids_of
from webapp.archives.export import write
from webapp.artifact_store import artifact_store
from webapp.example_queries.view import View
from webapp.experiments.models import Experiment
from webapp.explorer.example_page import example_page
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.frozen_copy import freeze, thawed
from webapp.explorer.labelled_example import LabelledPage
from webapp.explorer.open_view import open_view
from webapp.explorer.page import Explorer


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner, seeds=2)


def frozen(experiment: Experiment, folder: Path, chosen: list[int] | None = None) -> FinishedModels:
    write(experiment, folder / "archive")
    freeze(FinishedModels(experiment), folder / "examples", chosen)
    return thawed(folder / "archive", folder / "examples")


def shown(finished: FinishedModels, view: View) -> tuple[list[tuple[str, str, str]], list[int], list[str]]:
    with open_view(finished, view) as opened:
        page = Explorer(opened, "")
        return page.facts, [line.example.id for line in page.lines], [cell.label for cell in page.matrix.cells]


@pytest.mark.parametrize("view", [View(), View(cell=(5,)), View(sort="errors"), View(q="the")])
def test_a_frozen_copy_shows_what_the_laboratory_shows(experiment: Experiment, tmp_path: Path, view: View) -> None:
    assert shown(frozen(experiment, tmp_path), view) == shown(FinishedModels(experiment), view)


def test_it_shows_the_same_when_runs_and_experiment_are_gone(experiment: Experiment, tmp_path: Path) -> None:
    before = shown(FinishedModels(experiment), View())
    copy = frozen(experiment, tmp_path)
    for run in experiment.runs.all():
        for file in artifact_store().run(run.key).glob("*.parquet"):
            damaged(file, Path.unlink)
    experiment.parts.all().delete()
    experiment.delete()
    assert shown(copy, View()) == before


def test_an_example_has_its_course_its_seeds_and_the_keys_of_its_runs(experiment: Experiment, tmp_path: Path) -> None:
    copy, example = frozen(experiment, tmp_path), ids_of("test")[7]
    with open_view(FinishedModels(experiment), View()) as opened:
        here = example_page(opened, example)
    with open_view(copy, View()) as opened:
        there = example_page(opened, example)
    assert isinstance(there, LabelledPage)
    assert isinstance(here, LabelledPage)
    assert there.chart == here.chart
    assert [(lane.title, lane.mean, lane.right) for lane in there.lanes] == [
        (lane.title, lane.mean, lane.right) for lane in here.lanes
    ]
    weak, student, _ = there.triplet.all
    assert f"the labels of the run with key {weak.key[:12]}" in there.lineage[1][2]
    assert "read at step 20 of 20" in there.lineage[1][2]
    assert student.run.pk is None


def test_only_chosen_examples_go_along_and_no_locked_or_learned_ones(experiment: Experiment, tmp_path: Path) -> None:
    chosen = ids_of("test")[3:6]
    copy = frozen(experiment, tmp_path, chosen)
    assert sorted(shown(copy, View())[1]) == sorted(chosen)
    texts = pq.ParquetFile(tmp_path / "examples/texts.parquet").read()
    assert sorted(texts["id"].to_pylist()) == sorted(chosen)
    assert "label" not in texts.schema.names
    for file in tmp_path.glob("examples/runs/*/*.parquet"):
        assert sorted(pq.ParquetFile(file).read(columns=["id"])["id"].to_pylist()) == sorted(chosen)
    everything = frozen(experiment, tmp_path / "all")
    for model in everything.models:
        seen = everything.source.store.read_predictions(model.key)
        assert np.unique(seen.split).tolist() == ["test"]


def test_an_id_that_is_no_test_example_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"There is no test example {ids_of('locked')[0]}"):
        freeze(FinishedModels(experiment), tmp_path, [ids_of("locked")[0]])


def test_a_run_whose_predictions_are_gone_is_said(experiment: Experiment, tmp_path: Path) -> None:
    damaged(artifact_store().run(experiment.triplets[0]["ceiling"]) / "predictions.parquet", Path.unlink)
    with pytest.raises(Missing, match=r"gone that the examples are read from: .* or a run’s predictions for them"):
        freeze(FinishedModels(experiment), tmp_path)
