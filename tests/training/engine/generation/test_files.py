"""The files that a generative experiment of the command line leaves: a result, an archive that is verified, exports."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.factories.written import writing_spec
from training import Plan, Store, make_plan
from training.cli.main import main
from training.cli.send import write
from training.engine.outputs.export import export_labels, export_model
from training.engine.verification import command
from training.storage.archive import Broken, seal
from training.storage.written_answers import WrittenAnswers


@pytest.fixture(scope="module")
def plan(writers: dict[str, Path]) -> Plan:
    return make_plan(
        writing_spec(writers["weak"], writers["strong"], methods=({"kind": "naive"}, {"kind": "bagging", "members": 2}))
    )


@pytest.fixture(scope="module")
def out(plan: Plan, writers: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an experiment that the command line ran."""
    folder = tmp_path_factory.mktemp("run")
    content = plan.spec.model_dump(mode="json")
    for role, name in (("weak", "weak"), ("strong", "strong")):
        content[role]["models"] = [str(writers[name])]
    (folder / "recipe.json").write_text(json.dumps(content))
    assert main(["run", str(folder / "recipe.json"), "--out", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture
def archive(out: Path, plan: Plan, tmp_path: Path) -> Path:
    write(plan, Store(out), tmp_path / "archive")
    return tmp_path / "archive"


def quiet(phase: str, done: int, total: int) -> None:
    pass


def problems(folder: Path) -> list[str]:
    """Return the problems of the folder, sealed again."""
    seal(folder)
    with pytest.raises(Broken) as error:
        command.verified(folder, None, quiet)
    return error.value.problems


def test_the_command_line_writes_a_result(out: Path, plan: Plan) -> None:
    result = json.loads((out / "result.json").read_text())
    assert result["classes"] is None
    assert [group["method"] for group in result["groups"]] == ["naive", "bagging"]
    assert all(group["state"] != "incomplete" for group in result["groups"])


def test_an_archive_is_verified(archive: Path) -> None:
    seal(archive)
    command.verified(archive, None, quiet)


def forged(change: Callable[[WrittenAnswers], WrittenAnswers], archive: Path, key: str) -> list[str]:
    store = Store(archive)
    store.write_predictions(key, change(store.read_answers(key)))
    for extra in archive.glob("runs/*/*.sha256"):
        extra.unlink()
    return problems(archive)


def other(values: np.ndarray, entry: int, value: Any) -> np.ndarray:
    changed = values.copy()
    changed[entry] = value
    return changed


FORGED: dict[str, tuple[Callable[[WrittenAnswers], WrittenAnswers], str]] = {
    "another answer": (lambda it: replace(it, answer=other(it.answer, 0, "77")), "Of 1 texts its answer is another one"),
    "another truth": (lambda it: replace(it, gold=other(it.gold, 0, "77")), "The true answers of its examples are others"),
    "counted as right": (lambda it: replace(it, right=~it.right), "It counts other answers as right"),
    "fewer examples": (lambda it: it.take(np.arange(1, len(it.id))), "It does not answer exactly the examples"),
    "a probability above one": (
        lambda it: replace(it, log_probability=np.abs(it.log_probability) + 1),
        "a log-probability is above zero",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_number_is_named(name: str, archive: Path, plan: Plan) -> None:
    change, sentence = FORGED[name]
    named = forged(change, archive, plan.triplets[0].ceiling)
    assert any(sentence in problem for problem in named), named


def test_an_exported_model_writes_what_the_run_wrote(out: Path, plan: Plan, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    store, key = Store(out), plan.triplets[0].ceiling
    export_model(store.read_run(key), store, tmp_path / "model")
    model: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    model.eval()
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(tmp_path / "model")
    export_labels(store.read_run(key), store, tmp_path / "labels")
    rows = pq.read_table(tmp_path / "labels" / "labels.parquet").to_pylist()
    assert {row["split"] for row in rows} == {"transfer", "test"}
    for row in rows[:5]:
        ids = torch.tensor([tokenizer(row["prompt"])["input_ids"]])
        written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, pad_token_id=0)
        text = tokenizer.decode(written[0, ids.shape[1] :].tolist(), skip_special_tokens=True).strip()
        assert text == row["written"]
    shutil.rmtree(tmp_path / "model")
