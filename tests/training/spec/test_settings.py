"""A training setting is declared once: runs, plans and keys take it from there, and no other module lists it by name."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.models import make_model
from training import ExperimentSpec, RunSpec, make_plan
from training.spec import LATER, TrainingSettings
from training.spec.run import NOT_IN_KEY
from training.spec.setting import setting_of

ROOT = Path(__file__).resolve().parents[3]
AMBIGUOUS = {"stop", "lr"}
"""Settings whose names are also those of an action or an argument of an optimiser."""
ALLOWED = {
    "training/cli/doctor.py": "the check of a machine that is called precision",
    "training/planning/plan.py": "the settings that decide the features of a frozen model",
    "training/planning/estimates.py": "the settings that decide the duration of a run",
    "training/planning/extra_runs.py": "runs whose settings are not those of the experiment",
    "webapp/findings/pairs.py": "the length of the axes of curves in epochs and examples",
    "webapp/experiments/run_groups.py": "the settings that decide the duration of a run, in stored names",
}
OTHER_VALUES: dict[str, Any] = {"schedule": "linear", "stop": "last", "precision": "bf16", "pooling": "cls"}
OTHER_VALUES |= {"head_start": "unembedding", "gradient_checkpointing": True, "weight_decay": 0.5, "lr": 0.03, "max_tokens": 64}


def strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def named_in(source: str) -> set[str]:
    """Return the settings that a module names in a string, alone or as the last part of a path such as "weak.pooling"."""
    names = set(TrainingSettings.model_fields) - AMBIGUOUS
    return {text for text in strings(ast.parse(source)) if text.rpartition(".")[2] in names and " " not in text}


def test_no_other_module_lists_settings_by_name() -> None:
    modules = [path for folder in ("training", "webapp") for path in (ROOT / folder).rglob("*.py")]
    outside = {
        name: named
        for path in modules
        if not (name := path.relative_to(ROOT).as_posix()).startswith(("training/spec/", "training/engine/"))
        and "/migrations/" not in name
        and (named := named_in(path.read_text()))
    }
    assert set(outside) == set(ALLOWED), outside


def test_a_setting_in_a_table_is_noticed() -> None:
    assert named_in('CHOICES = {"weak.pooling": 1, "max_tokens": 2, "the schedule": 3}') == {"weak.pooling", "max_tokens"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {"decoder": str(make_model(folder / "tiny-gpt2", "gpt2")), "encoder": "minilm-l1", "scratch": "bag-of-words"}


def student(models: dict[str, str], model: str, tuning: str, **changes: Any) -> RunSpec:
    strong = {"models": [models[model]], "tuning": tuning, **changes}
    plan = make_plan(ExperimentSpec.model_validate({"strong": strong, "seeds": 1, "methods": [{"kind": "naive"}]}))
    return plan.runs[plan.triplets[0].student]


REFUSED = {("head_start", "encoder")}
"""Settings that the spec refuses for a kind of model."""


@pytest.mark.parametrize(
    ("name", "model"),
    [
        (name, model)
        for name in TrainingSettings.model_fields
        for model in ("decoder", "encoder", "scratch")
        if (name, model) not in REFUSED
    ],
)
def test_a_run_has_the_settings_that_apply_to_it_and_its_key_depends_on_them(
    name: str, model: str, models: dict[str, str]
) -> None:
    default = TrainingSettings.model_fields[name].default
    value = OTHER_VALUES.get(name, default + 1 if isinstance(default, int) else default)
    plain, changed = student(models, model, "lora"), student(models, model, "lora", **{name: value})
    adaptation, kind = plain.adaptation, "decoder" if model == "decoder" else "encoder"
    if setting_of(TrainingSettings.model_fields[name]).applies(adaptation, kind):
        assert getattr(changed, name) == value != getattr(plain, name)
        assert (changed.key() == plain.key()) == (name in NOT_IN_KEY)
    else:
        assert changed == plain


def test_fields_with_a_default_are_the_ones_that_the_first_keys_did_not_have() -> None:
    required = {name for name, info in RunSpec.model_fields.items() if info.is_required()}
    assert required | {"engine"} | set(LATER) | set(NOT_IN_KEY) == set(RunSpec.model_fields)
