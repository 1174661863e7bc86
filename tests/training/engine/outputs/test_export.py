"""Exports load with common libraries, give the predictions of the run, and state their origin."""

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from tests.factories.runs import finish, make_run, plan_with
from training import ExperimentSpec, RunSpec, Store, make_plan
from training.cli.exits import BAD_INPUT, FAILED
from training.cli.main import main
from training.engine.data.examples import load_examples

PREFERENCES = {
    "data": {"name": "movie-preferences", "limit": 64},
    "weak": {"models": ["bag-of-words"], "epochs": 1},
    "strong": {"models": ["bag-of-words"]},
    "seeds": 1,
}


def tuned(models: dict[str, Path], architecture: str, tuning: str, store: Store, **changes: Any) -> RunSpec:
    plan = plan_with("bag-of-words", str(models[architecture]), tuning=tuning, lora_rank=4, lora_alpha=8, lr=0.01, stop="last")
    run = plan.runs[plan.triplets[0].ceiling].model_copy(update=changes)
    finish(run, store)
    return run


def export(run: RunSpec, store: Store, out: Path, *more: str) -> Path:
    assert main(["export", run.key()[:12], "--store", str(store.root), "--out", str(out), *more]) == 0
    return out


def probabilities(model: Any, folder: Path, texts: list[str], last: bool) -> Tensor:
    """Predict as a user of the folder and its card does: one text at a time, so that nothing is padded."""
    head, tokenizer = load_file(folder / "head.safetensors"), AutoTokenizer.from_pretrained(folder)
    actual = []
    for text in texts:
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt", truncation=True)).last_hidden_state[0]
        pooled = states[-1] if last else states.mean(0)
        actual.append(torch.sigmoid(head["linear.weight"] @ pooled + head["linear.bias"])[0])
    return torch.stack(actual)


def some_texts(run: RunSpec, store: Store) -> tuple[list[str], Any]:
    """Twenty test examples and what the run says of them."""
    examples, test = load_examples(run.dataset, run.fingerprint), store.read_predictions(run.key()).part("test")
    texts = dict(zip(examples.id.tolist(), examples.text.to_pylist(), strict=True))
    return [texts[example_id] for example_id in test.id[:20].tolist()], test.prob[:20]


@pytest.mark.parametrize("architecture", ["llama", "bert"])
def test_a_tuned_model_loads_with_transformers_and_predicts_as_the_run_did(
    architecture: str, models: dict[str, Path], tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    run = tuned(models, architecture, "full", store, keep_weights=True)
    out = export(run, store, tmp_path / "out")
    texts, prob = some_texts(run, store)
    actual = probabilities(AutoModel.from_pretrained(out), out, texts, last=architecture == "llama")
    np.testing.assert_allclose(actual, prob, atol=1e-5)
    base = probabilities(AutoModel.from_pretrained(models[architecture]), out, texts, last=architecture == "llama")
    assert (base - torch.from_numpy(prob)).abs().max() > 1e-2, "training has changed nothing"


def test_an_adapter_loads_with_peft_and_predicts_as_the_run_did(models: dict[str, Path], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run = tuned(models, "llama", "lora", store)
    out = export(run, store, tmp_path / "out")
    texts, prob = some_texts(run, store)
    adapted = PeftModel.from_pretrained(AutoModel.from_pretrained(models["llama"]), str(out))
    np.testing.assert_allclose(probabilities(adapted, out, texts, last=True), prob, atol=1e-5)
    plain = probabilities(AutoModel.from_pretrained(models["llama"]), out, texts, last=True)
    assert (plain - torch.from_numpy(prob)).abs().max() > 1e-2, "the adapter changes nothing"


def test_a_probe_is_a_head_and_a_pointer_to_its_base(store: Store, tmp_path: Path) -> None:
    run = make_run("ceiling")
    finish(run, store)
    out = export(run, store, tmp_path / "out")
    assert {path.name for path in out.iterdir()} == {"head.safetensors", "base.json", "README.md"}
    base = json.loads((out / "base.json").read_text())
    assert (base["model"], base["digest"], base["layers"], base["pooling"]) == ("minilm-l1", run.digest, 1, "mean")
    assert load_file(out / "head.safetensors")["linear.weight"].shape == (1, base["width"])


def test_the_card_says_run_data_labels_accuracy_and_every_setting(store: Store, tmp_path: Path) -> None:
    weak, run = make_run(), make_run("student")
    finish(weak, store)
    accuracy = finish(run, store).of("finished")[0].accuracy
    card = (export(run, store, tmp_path / "out") / "README.md").read_text()
    for fact in (run.key(), run.fingerprint, weak.key(), run.digest, f"{accuracy:.4f}", "student"):
        assert fact in card
    assert RunSpec.model_validate_json(card.partition("```json\n")[2].partition("```")[0]) == run


def test_weak_labels_load_with_datasets_and_are_those_of_the_run(store: Store, tmp_path: Path) -> None:
    run = make_run()
    finish(run, store)
    out = export(run, store, tmp_path / "out", "--labels")
    loaded = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    expected = store.read_predictions(run.key())
    expected = expected.take(expected.split != "locked")
    assert loaded["id"][:] == expected.id.tolist()
    assert loaded["split"][:] == expected.split.tolist()
    assert loaded["hard_label"][:] == expected.label.tolist()
    np.testing.assert_array_equal(np.array(loaded["soft_label"][:], np.float32), expected.prob)
    assert set(loaded["supervisor"]) == {run.key()}
    assert set(loaded["data_fingerprint"]) == {run.fingerprint}
    examples = load_examples(run.dataset, run.fingerprint)
    texts = dict(zip(examples.id.tolist(), examples.text.to_pylist(), strict=True))
    assert loaded["text"][:] == [texts[example_id] for example_id in expected.id.tolist()]
    assert run.key() in (out / "README.md").read_text()


def test_a_reward_model_is_one_scorer_and_its_labels_have_both_texts(store: Store, tmp_path: Path) -> None:
    run = next(iter(make_plan(ExperimentSpec.model_validate(PREFERENCES)).runs.values()))
    finish(run, store)
    out = export(run, store, tmp_path / "out")
    assert load_file(out / "head.safetensors")["weight.weight"].shape[1] == 1
    assert "the first of two is preferred" in (out / "README.md").read_text()
    labels = export(run, store, tmp_path / "labels", "--labels")
    loaded = datasets.load_dataset(str(labels), split="train", cache_dir=str(tmp_path / "cache"))
    examples = load_examples(run.dataset, run.fingerprint)
    assert examples.text_b is not None
    rows = {item: row for row, item in enumerate(examples.id.tolist())}
    assert loaded["text_b"][:5] == examples.text_b.take([rows[item] for item in loaded["id"][:5]]).to_pylist()


def test_no_locked_row_is_exported(store: Store, tmp_path: Path) -> None:
    run = make_run()
    finish(run, store)
    out = export(run, store, tmp_path / "out", "--labels")
    exported = set(datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))["id"])
    locked = set(store.read_predictions(run.key()).part("locked").id.tolist())
    assert locked
    assert not exported & locked


def test_an_unknown_run_is_bad_input(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "abc", "--store", str(store.root), "--out", str(tmp_path / "out")]) == BAD_INPUT
    assert "No finished runs" in capfd.readouterr().err


def test_a_folder_that_is_not_empty_is_left_alone(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    finish(run, store)
    (tmp_path / "mine").write_text("precious")
    assert main(["export", run.key(), "--store", str(store.root), "--out", str(tmp_path)]) == FAILED
    assert "not an empty folder" in capfd.readouterr().err
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_run_whose_weights_were_not_kept_says_how_they_are(
    models: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "store")
    run = tuned(models, "llama", "full", store)
    assert main(["export", run.key(), "--store", str(store.root), "--out", str(tmp_path / "out")]) == FAILED
    assert "keep_weights" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
