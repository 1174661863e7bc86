"""The embedded decoder is converted once from its package, whatever happens meanwhile, and cut to its first layers."""

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.factories.gguf_models import LAYERS, WIDTH, make_gguf
from tests.factories.runs import finish, plan_with
from training import RunSpec, Store, catalog
from training.catalog import folders
from training.engine.data.examples import load_examples
from training.engine.errors import CorruptModel, Stopped
from training.engine.models import backbone, embedded_decoder, gguf_files
from training.engine.outputs.export import export_model
from training.storage.checksums import digest

WHOLE, CUT = "smollm2-135m-instruct", "smollm2-135m-instruct-l10"
Progress = list[tuple[str, int, int]]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny GGUF file in the place of the one in the package, with entries of the catalog for it, whole and cut."""
    source = make_gguf(tmp_path / "tiny.gguf")
    expected = tmp_path / "expected"
    expected.mkdir()
    gguf_files.convert(source, expected, lambda done, total: None)
    for name, layers in ((WHOLE, LAYERS), (CUT, LAYERS - 1)):
        tiny: dict[str, Any] = {
            "layers": layers,
            "width": WIDTH,
            "context": 128,
            "packages": ("gguf",),
            "digest": folders.digest(expected),
        }
        monkeypatch.setitem(catalog.MODELS, name, replace(catalog.MODELS[name], **tiny))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(embedded_decoder, "_packaged", lambda: source)
    monkeypatch.setattr(embedded_decoder, "SMOLLM2_FILE_DIGEST", digest(source))
    return source


@pytest.fixture
def models_folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "models"


def convert(progress: Progress | None = None) -> Path:
    return embedded_decoder.folder_of(catalog.MODELS[WHOLE], lambda *step: None if progress is None else progress.append(step))


def work_in(folder: Path) -> list[str]:
    """Return the names of what a conversion has left, besides the model and its lock."""
    return sorted(path.name for path in folder.iterdir() if path.name not in (WHOLE, f".{WHOLE}.lock"))


def a_run(model: str, tuning: str = "full", **changes: object) -> RunSpec:
    plan = plan_with("bag-of-words", model, tuning=tuning)
    return plan.runs[plan.triplets[0].ceiling].model_copy(update=changes)


def in_another_process(target: Callable[[], object]) -> Any:
    """Start ``target`` in a fork, which has the patches of this test."""
    process = multiprocessing.get_context("fork").Process(target=target)
    process.start()
    return process


def test_it_is_converted_with_progress_by_the_first_run_and_found_by_the_next(source: Path, models_folder: Path) -> None:
    first: Progress = []
    second: Progress = []
    folder = convert(first)
    assert convert(second) == folder == models_folder / WHOLE
    tensors = [(done, total) for phase, done, total in first if phase == "converting" and total]
    assert tensors == [(done, tensors[-1][1]) for done in range(tensors[-1][1] + 1)]
    assert first[-1][0] == "starting"
    assert second == []
    assert work_in(models_folder) == []
    assert "Apache-2.0" in (folder / "README.md").read_text()
    assert "4 bits" in (folder / "README.md").read_text()
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1


def test_two_processes_that_need_it_convert_it_once(source: Path, models_folder: Path) -> None:
    converting, may_go_on = multiprocessing.Event(), multiprocessing.Event()

    def slowly(phase: str, done: int, total: int) -> None:
        if total and done == 1:
            converting.set()
            assert may_go_on.wait(60)

    process = in_another_process(lambda: embedded_decoder.folder_of(catalog.MODELS[WHOLE], slowly))
    assert converting.wait(60)
    waited: Progress = []

    def report(*step: Any) -> None:
        waited.append(step)
        may_go_on.set()

    assert embedded_decoder.folder_of(catalog.MODELS[WHOLE], report) == models_folder / WHOLE
    process.join(60)
    assert process.exitcode == 0
    assert {total for _, _, total in waited} == {0}
    assert work_in(models_folder) == []


def test_what_a_killed_conversion_leaves_is_removed_by_the_next_one(source: Path, models_folder: Path) -> None:
    def die(phase: str, done: int, total: int) -> None:
        if total and done == total:
            os.kill(os.getpid(), signal.SIGKILL)

    process = in_another_process(lambda: embedded_decoder.folder_of(catalog.MODELS[WHOLE], die))
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert len(work_in(models_folder)) == 1
    assert not (models_folder / WHOLE).exists()
    assert folders.digest(convert()) == catalog.MODELS[WHOLE].digest
    assert work_in(models_folder) == []


def test_a_stopped_conversion_leaves_nothing(source: Path, models_folder: Path) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        embedded_decoder.folder_of(catalog.MODELS[WHOLE], stop)
    assert work_in(models_folder) == []
    assert not (models_folder / WHOLE).exists()


def test_a_full_disk_is_named_and_the_next_attempt_starts_anew(
    source: Path, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_full_disk(path: Path, folder: Path, on_tensor: Any) -> None:
        (folder / "tokenizer.json").symlink_to("/dev/full")
        whole(path, folder, on_tensor)

    whole = gguf_files.convert
    with monkeypatch.context() as patch:
        patch.setattr(gguf_files, "convert", on_full_disk)
        with pytest.raises(CorruptModel, match=r"cannot be converted: the disk of .*models is full"):
            convert()
    assert work_in(models_folder) == []
    assert folders.digest(convert()) == catalog.MODELS[WHOLE].digest


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_conversion_is_made_again(source: Path, damage: str) -> None:
    config = convert() / "config.json"
    if damage == "changed":
        config.write_text(config.read_text().replace("50000", "10000"))
    else:
        shutil.rmtree(config.parent / "tokenizer.json", ignore_errors=True)
        (config.parent / "tokenizer.json").unlink()
    assert folders.digest(convert()) == catalog.MODELS[WHOLE].digest


def test_a_damaged_package_is_named_with_the_command_that_mends_it(source: Path) -> None:
    with source.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"damage")
    with pytest.raises(CorruptModel, match=r"is damaged: .*tiny\.gguf has SHA-256 .*“make decoder” mends it"):
        convert()


def test_a_missing_package_is_named_with_the_command_that_installs_it(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(CorruptModel, match="The package gguf is missing: “make decoder” installs"):
        convert()


def test_a_conversion_with_another_outcome_than_the_catalog_says_is_refused(
    source: Path, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalog.MODELS, WHOLE, replace(catalog.MODELS[WHOLE], digest="0" * 64))
    with pytest.raises(CorruptModel, match="gives other files than it should"):
        convert()
    assert work_in(models_folder) == []


def test_a_cut_model_gives_the_states_of_its_last_layer_after_the_last_norm(source: Path) -> None:
    from transformers import AutoModel

    ids = torch.arange(3, 30)[None]
    published: Any = AutoModel.from_pretrained(convert(), dtype=torch.float32)
    with torch.no_grad():
        between = published(ids, output_hidden_states=True).hidden_states
        for name, expected in ((CUT, published.norm(between[LAYERS - 1])), (WHOLE, between[LAYERS])):
            own = backbone.pooled(backbone.load(a_run(name)), ids, torch.ones_like(ids), "last")
            torch.testing.assert_close(own[0], expected[0, -1], atol=1e-5, rtol=0)


def test_an_exported_adapter_on_the_converted_folder_says_what_the_run_said(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel
    from transformers import AutoModel, AutoTokenizer

    store, out = Store(tmp_path / "store"), tmp_path / "out"
    run = a_run(CUT, "lora", epochs=1, lr=0.01)
    recording = finish(run, store)
    assert [event.phase for event in recording.of("progress")].count("converting") > 1
    with monkeypatch.context() as patch:
        patch.setattr("peft.utils.save_and_load.check_file_exists_on_hf_hub", lambda *_: pytest.fail("The Hub is asked."))
        export_model(run, store, out)
    card = (out / "README.md").read_text()
    assert "4 bits a weight" in card
    assert f"the first {LAYERS - 1} layers" in card
    assert str(tmp_path) not in "".join(path.read_text() for path in out.glob("*.json"))
    base: Any = AutoModel.from_pretrained(convert(), num_hidden_layers=LAYERS - 1, dtype=torch.float32)
    model, reader = PeftModel.from_pretrained(base, str(out)), AutoTokenizer.from_pretrained(out)
    head = load_file(out / "head.safetensors")
    examples, test = load_examples(run.dataset, run.fingerprint), store.read_predictions(run.key()).part("test")
    texts = dict(zip(examples.id.tolist(), examples.text.to_pylist(), strict=True))
    for example_id, prob in list(zip(test.id.tolist(), test.prob.tolist(), strict=True))[:5]:
        with torch.no_grad():
            state = model(**reader(texts[example_id], return_tensors="pt", truncation=True)).last_hidden_state[0, -1]
        assert torch.sigmoid(head["linear.weight"] @ state + head["linear.bias"]).item() == pytest.approx(prob, abs=1e-5)
