"""Three classes from a file to a result and out again: by the command line alone, as somebody would."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from training import RunSpec, Store, catalog
from training.cli.main import main
from training.engine.data.examples import load_examples
from training.metrics.results import Result
from training.planning.plan import make_plan
from training.spec import ExperimentSpec

NAMES = ["bad", "middling", "good"]
ROWS = 1200
CONFIDENCE = {"kind": "confidence", "weight": 0.5, "ramp": 0.2}


def write_reviews(path: Path) -> None:
    """Reviews with the verdicts of their raters, and a few without a verdict."""
    table = pq.read_table(catalog.dataset("movie-reviews").path)
    ratings, texts = table["rating"].to_numpy(), table["text"].to_pylist()
    verdicts = np.select([ratings < -2, ratings > 2, np.abs(ratings) < 0.5], [1, 5, 3], 0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "stars"])
        for verdict in (1, 3, 5):
            writer.writerows((texts[row], verdict) for row in np.flatnonzero(verdicts == verdict)[: ROWS // 3])
        writer.writerows((texts[row], "unsure") for row in np.flatnonzero(verdicts == 0)[:7])


HOW = {
    "kind": "labelled",
    "text": "body",
    "label": "stars",
    "classes": [{"name": name, "values": [stars]} for name, stars in zip(NAMES, (1, 3, 5), strict=True)],
    "skip": True,
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Path]) -> Iterator[Path]:
    """A folder where the file was brought as "stars" and an experiment on it was run."""
    folder = tmp_path_factory.mktemp("stars")
    write_reviews(folder / "stars.csv")
    (folder / "how.json").write_text(json.dumps(HOW))
    recipe = {
        "data": {"name": "stars"},
        "weak": {"models": ["bag-of-words"], "epochs": 12},
        "strong": {"models": ["minilm-l1"], "epochs": 8},
        "methods": [{"kind": "naive"}, CONFIDENCE],
        "seeds": 2,
    }
    (folder / "recipe.json").write_text(json.dumps(recipe))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASETS_DIR", str(folder / "shelf"))
        assert main(["data", "add", str(folder / "stars.csv"), "--mapping", str(folder / "how.json"), "--name", "stars"]) == 0
        assert main(["run", str(folder / "recipe.json"), "--out", str(folder / "out")]) == 0
        yield folder


def result_of(lab: Path) -> Result:
    return Result.model_validate_json((lab / "out" / "result.json").read_text())


def run_of(lab: Path, role: str) -> RunSpec:
    plan = make_plan(ExperimentSpec.model_validate_json((lab / "recipe.json").read_text()))
    return plan.runs[getattr(plan.triplets[0], role)]


def export(lab: Path, run: RunSpec, name: str, *more: str) -> Path:
    assert main(["export", run.key(), "--store", str(lab / "out"), "--out", str(lab / name), *more]) == 0
    return lab / name


def test_the_card_has_the_names_of_the_classes_their_sizes_and_how_many_rows_were_left_out(lab: Path) -> None:
    entry = catalog.dataset("stars")
    assert entry.report is not None
    assert entry.classes == tuple(NAMES)
    assert (entry.report.counts.read, entry.report.counts.skipped) == (ROWS + 7, 7)
    assert sum(entry.report.classes) == entry.rows
    assert max(entry.report.shares) < 0.37


def test_every_run_says_a_probability_of_each_class_and_learns_something(lab: Path) -> None:
    store = Store(lab / "out")
    for role in ("weak", "student", "ceiling"):
        predictions = store.read_predictions(run_of(lab, role).key())
        assert predictions.classes == 3
        np.testing.assert_allclose(predictions.prob.sum(axis=1), 1, atol=1e-5)
        assert predictions.part("test").right.mean() > 0.4
        trajectory = store.read_trajectory(run_of(lab, role).key())
        assert trajectory.prob.shape == trajectory.label.shape == (len(trajectory.steps), len(trajectory.id))
        np.testing.assert_array_equal(trajectory.prob[0], np.full(len(trajectory.id), 1 / 3, np.float32))
        of_test = predictions.take(np.isin(predictions.id, trajectory.id))
        np.testing.assert_array_equal(of_test.id, trajectory.id)
        np.testing.assert_array_equal(trajectory.label_at(trajectory.selected), of_test.label)


def test_the_result_has_five_transitions_and_an_agreement_on_labels(lab: Path) -> None:
    result = result_of(lab)
    assert result.classes == 3
    assert {group.method for group in result.groups} == {"naive", "confidence"}
    for group in result.groups:
        assert group.state in ("ok", "unresolved")
        assert (group.pgr is not None) == (group.state == "ok")
        cells = group.transitions
        assert cells
        assert cells.changed
        assert group.agreement
        assert group.gain
        parts = (cells.kept, cells.lost, cells.corrected, cells.copied, cells.changed)
        assert sum(cell.count for cell in parts) == pytest.approx(result.test_rows)
        assert cells.changed.count > 0
        assert cells.corrected.share.value - cells.lost.share.value == pytest.approx(group.gain.value)
        assert group.agreement.overall.value == pytest.approx(cells.kept.share.value + cells.copied.share.value)
        assert not group.weak_at_chance


def test_weak_labels_of_three_classes_load_with_datasets_and_their_names(lab: Path) -> None:
    run = run_of(lab, "weak")
    loaded = datasets.load_dataset(str(export(lab, run, "labels", "--labels")), split="train", cache_dir=str(lab / "cache"))
    assert loaded.features["hard_label"].names == NAMES
    expected = Store(lab / "out").read_predictions(run.key())
    expected = expected.take(expected.split != "locked")
    np.testing.assert_array_equal(np.array(loaded["soft_label"][:], np.float32), expected.prob)
    assert loaded["hard_label"][:] == expected.label.tolist()
    assert "0 bad, 1 middling, 2 good" in (lab / "labels" / "README.md").read_text()


def test_a_probe_of_three_classes_is_a_head_with_three_rows_and_their_names(lab: Path) -> None:
    out = export(lab, run_of(lab, "ceiling"), "probe")
    assert load_file(out / "head.safetensors")["linear.weight"].shape[0] == 3
    assert json.loads((out / "base.json").read_text())["classes"] == NAMES


def tuned(lab: Path, models: dict[str, Path], architecture: str, tuning: str) -> RunSpec:
    """A ceiling on few rows, tuned and kept."""
    settings = {"models": [str(models[architecture])], "tuning": tuning, "epochs": 1, "max_tokens": 24, "lr": 1e-3}
    recipe = {
        "data": {"name": "stars", "limit": 64},
        "weak": {"models": ["bag-of-words"]},
        "strong": settings | {"stop": "last", "lora_rank": 4, "head_start": "unembedding"},
        "methods": [CONFIDENCE],
        "seeds": 1,
        "keep_weights": True,
    }
    path = lab / f"{architecture}-{tuning}.json"
    path.write_text(json.dumps(recipe))
    assert main(["run", str(path), "--out", str(lab / "out")]) == 0
    plan = make_plan(ExperimentSpec.model_validate(recipe))
    return plan.runs[plan.triplets[0].student]


def test_a_tuned_decoder_of_three_classes_is_exported_with_their_names_and_predicts_as_the_run_did(
    lab: Path, models: dict[str, Path]
) -> None:
    run = tuned(lab, models, "llama", "full")
    out = export(lab, run, "llama")
    classifier: Any = AutoModelForSequenceClassification.from_pretrained(out)
    assert classifier.config.num_labels == 3
    assert classifier.config.id2label == dict(enumerate(NAMES))
    head, tokenizer = load_file(out / "head.safetensors"), AutoTokenizer.from_pretrained(out)
    with torch.no_grad():
        classifier.score.weight.copy_(head["linear.weight"])
    test = Store(lab / "out").read_predictions(run.key()).part("test")
    examples = load_examples(run.dataset, run.fingerprint)
    texts = dict(zip(examples.id.tolist(), examples.text.to_pylist(), strict=True))
    backbone: Any = AutoModel.from_pretrained(out)
    for example_id, prob in zip(test.id[:10].tolist(), test.prob[:10], strict=True):
        tokens = tokenizer(texts[example_id], return_tensors="pt", truncation=True)
        with torch.no_grad():
            pooled = backbone(**tokens).last_hidden_state[0, -1]
            logits = head["linear.weight"] @ pooled + head["linear.bias"]
            scores = classifier(**tokens).logits[0] + head["linear.bias"]
        np.testing.assert_allclose(torch.softmax(logits, 0), prob, atol=1e-5)
        np.testing.assert_allclose(scores, logits, atol=1e-5)


def test_lora_of_three_classes_trains_and_exports_a_head_with_three_rows(lab: Path, models: dict[str, Path]) -> None:
    out = export(lab, tuned(lab, models, "gpt2", "lora"), "gpt2")
    assert load_file(out / "head.safetensors")["linear.weight"].shape[0] == 3
