"""Requests that a generative experiment refuses with a sentence before anything is trained or truncated."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.factories.datasets import REPORT
from tests.factories.runs import finish
from tests.factories.written import keys_of, make_sums, writing_spec
from training import ExperimentSpec, Plan, Store, catalog
from training.catalog.check_report import AnswerReport
from training.engine.errors import EngineError
from training.spec import describe


def sentences(**changes: object) -> list[str]:
    content = {
        "data": {"name": "made-sums"},
        "weak": {"models": ["bag-of-words"], "tuning": "full"},
        "strong": {"models": ["minilm-l1"], "tuning": "full"},
        "methods": [{"kind": "naive"}],
    } | changes
    with pytest.raises(ValidationError) as error:
        ExperimentSpec.model_validate(content)
    return [f"{problem.path}: {problem.message}" for problem in describe(error.value.errors())]


@pytest.mark.usefixtures("sums")
def test_only_decoders_write_answers() -> None:
    assert sentences() == [
        "weak.models: Only a decoder writes answers, and Bag of words is none.",
        "strong.models: Only a decoder writes answers, and MiniLM, 1 layer is none.",
    ]


def test_a_probe_is_refused(writers: dict[str, Path]) -> None:
    with pytest.raises(ValidationError, match="A probe gives classes and writes no answers"):
        writing_spec(writers["weak"], writers["strong"], tuning="probe")


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ({"kind": "confidence"}, "needs probabilities of classes"),
        ({"kind": "adaboost"}, "needs probabilities of classes"),
        ({"kind": "naive", "labels": "hard"}, "is a hard label already"),
        ({"kind": "mixed", "rest": "random"}, "drawn among classes"),
    ],
)
def test_methods_of_probabilities_are_refused(method: dict[str, str], sentence: str, writers: dict[str, Path]) -> None:
    with pytest.raises(ValidationError, match=sentence):
        writing_spec(writers["weak"], writers["strong"], methods=(method,))


def test_prompts_and_answers_that_do_not_fit_the_context_are_refused_before_planning(writers: dict[str, Path]) -> None:
    with pytest.raises(ValidationError, match="reads at most 48 tokens"):
        writing_spec(writers["weak"], writers["strong"], max_tokens=40, answer_tokens=16)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"max_tokens": 8, "prompt": "twelve and 1"}, "1 of 240 prompts have more than 8 tokens, the longest has 12"),
        ({"answer_tokens": 3}, "answers of the data set have more than 3 tokens, the longest has 4 with its end"),
    ],
)
def test_nothing_is_truncated_in_silence(
    changes: dict[str, Any], sentence: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan.runs[keys_of(plan)["weak"]]
    table = pq.read_table(catalog.DATASETS["made-sums"].path)
    if prompt := changes.pop("prompt", None):
        texts = [str(prompt), *table["text"].to_pylist()[1:]]
        entry = make_sums(tmp_path / "data", name="long", texts=texts)
        monkeypatch.setitem(catalog.DATASETS, entry.name, entry)
        changes |= {"dataset": entry.name, "fingerprint": entry.digest}
    with pytest.raises(EngineError, match=sentence):
        finish(run.model_copy(update=changes), Store(tmp_path))


def test_a_model_without_an_end_is_refused(plan: Plan, models: dict[str, Path], tmp_path: Path) -> None:
    entry = catalog.model(str(models["gpt2"]))
    run = plan.runs[keys_of(plan)["weak"]].model_copy(update={"model": entry.name, "digest": entry.digest})
    with pytest.raises(EngineError, match="names no token that ends a text"):
        finish(run, Store(tmp_path))


@pytest.mark.parametrize("rated", [True, False])
def test_easy_to_hard_is_refused_where_the_data_set_has_no_difficulty(
    writers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rated: bool
) -> None:
    name = f"sums-{rated}".lower()
    entry = make_sums(tmp_path, name=name)
    lengths = {"commonest": "9", "commonest_rows": 20, "several": 80, "prompt_characters": (4, 4), "answer_characters": (1, 2)}
    answers = AnswerReport.model_validate(lengths | {"distinct": 19, "difficulty": (0.0, 9.0, 18.0) if rated else None})
    entry.path.with_suffix(".json").write_text(REPORT.model_copy(update={"answers": answers}).model_dump_json())
    monkeypatch.setitem(catalog.DATASETS, name, entry)
    methods = ({"kind": "easy-to-hard"},)
    if rated:
        assert writing_spec(writers["weak"], writers["strong"], name=name, methods=methods).methods[0].kind == "easy-to-hard"
        return
    with pytest.raises(ValidationError) as error:
        writing_spec(writers["weak"], writers["strong"], name=name, methods=methods)
    assert [(problem.path, problem.message) for problem in describe(error.value.errors())] == [
        ("methods.0", "Easy to hard needs the difficulty of each row, and this data set has no column for it.")
    ]
