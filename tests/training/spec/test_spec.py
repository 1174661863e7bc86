import hashlib
import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from tests.factories.runs import make_run
from training import catalog, make_plan
from training.cli.recipe import read_recipe
from training.spec import LATER, Confidence, ExperimentSpec, Naive, describe, upgrade
from training.spec.methods import METHOD_KINDS, METHODS, PROMPTS


def test_a_run_has_the_same_key_whenever_its_fields_are_the_same() -> None:
    assert make_run().key() == make_run().key()


@pytest.mark.parametrize(
    "change",
    [
        {"engine": 99},
        {"fingerprint": "0" * 64},
        {"limit": 100},
        {"split_seed": 1},
        {"locked_fraction": 0.2},
        {"validation_fraction": 0.2},
        {"stop": "last"},
        {"half": "B"},
        {"labels": "0" * 64},
        {"digest": "0" * 64},
        {"method": Confidence()},
        {"epochs": 99},
        {"batch_size": 7},
        {"lr": 0.5},
        {"weight_decay": 0.5},
        {"schedule": "linear"},
        {"max_tokens": 99},
        {"seed": 1},
        {"lora_rank": 8},
        {"lora_alpha": 16},
        {"precision": "bf16"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_an_outcome_is_in_the_key(change: dict[str, Any]) -> None:
    assert make_run(**change).key() != make_run().key()


def test_the_keys_of_the_shipped_recipe_are_pinned() -> None:
    keys = list(make_plan(read_recipe("movie-reviews")).runs)
    assert keys[0] == "86a0cda67a6d0824936ed029936ccc62aa0e54e5b74a394245a6e37993b9006d"
    every = hashlib.sha256("".join(keys).encode()).hexdigest()
    assert every == "bef38c92bf5a9a7972e0177acc18ebd3b419e784e0ca7040229a2ed85f309e33"


def test_saving_memory_decides_nothing_and_is_in_no_key() -> None:
    assert make_run(gradient_checkpointing=True).key() == make_run().key()


def test_keeping_weights_decides_nothing_and_is_in_no_key() -> None:
    assert make_run(keep_weights=True).key() == make_run().key()
    assert all(run.keep_weights for run in make_plan(ExperimentSpec(keep_weights=True)).runs.values())


@pytest.mark.parametrize("role", ["weak", "strong"])
def test_a_stop_rule_that_needs_validation_rows_is_refused_without_them_at_their_field(role: str) -> None:
    other = {"weak": "strong", "strong": "weak"}[role]
    with pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate({"data": {"validation_fraction": 0}, other: {"stop": "last"}})
    (problem,) = describe(caught.value.errors())
    assert problem.path == "data.validation_fraction"
    assert problem.message.startswith("A stop rule looks at validation rows")


def test_without_a_stop_rule_there_may_be_no_validation_rows() -> None:
    spec = ExperimentSpec.model_validate(
        {"data": {"validation_fraction": 0}, "weak": {"stop": "last"}, "strong": {"stop": "last"}}
    )
    assert spec.data.validation_fraction == 0


def keys(**strong: Any) -> set[str]:
    return set(make_plan(ExperimentSpec.model_validate({"strong": {"models": ["minilm-l1"], **strong}, "seeds": 1})).runs)


def test_settings_of_lora_are_in_the_keys_of_lora_alone() -> None:
    assert keys(lora_rank=4, lora_alpha=4) == keys()
    assert not keys(tuning="lora", lora_rank=4) & keys(tuning="lora") - keys()


def test_a_bag_of_words_has_no_precision_to_choose() -> None:
    bag = {"models": ["bag-of-words"]}
    assert keys(**bag, precision="bf16", gradient_checkpointing=True) == keys(**bag)


def test_a_name_is_in_no_key() -> None:
    assert make_plan(ExperimentSpec(name="one")).runs.keys() == make_plan(ExperimentSpec(name="two")).runs.keys()


def test_an_unknown_setting_is_an_error_at_its_path() -> None:
    with pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate({"strong": {"learning_rate": 1}})
    assert caught.value.errors()[0]["loc"] == ("strong", "learning_rate")


def test_a_misspelt_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match="Did you mean minilm-l4"):
        ExperimentSpec.model_validate({"strong": {"models": ["minilm-4"]}})


def test_a_misspelt_data_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match="Did you mean movie-reviews"):
        ExperimentSpec.model_validate({"data": {"name": "movie-review"}})


def test_a_method_may_be_asked_for_once() -> None:
    with pytest.raises(ValidationError, match="asked for twice"):
        ExperimentSpec(methods=(Naive(), Naive()))


def test_a_stored_experiment_reads_back_as_itself() -> None:
    spec = ExperimentSpec(methods=(Naive(), Confidence(weight=0.75)))
    assert upgrade(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("change", "path", "sentence"),
    [
        ({"seeds": 0}, "seeds", "Must be at least 1."),
        ({"data": {"limit": 10**9}}, "data.limit", "Must be at most 10,000,000."),
        ({"strong": {"lr": 0}}, "strong.lr", "Must be greater than 0."),
        ({"strong": {"lr": float("inf")}}, "strong.lr", "Must be a finite number."),
        ({"strong": {"epochs": 2.5}}, "strong.epochs", "Must be a whole number."),
        ({"seeds": "three"}, "seeds", "Must be a whole number."),
        ({"weak": {"weight_decay": "much"}}, "weak.weight_decay", "Must be a number."),
        ({"weak": {"models": []}}, "weak.models", "Needs at least one entry."),
        ({"name": ""}, "name", "Needs at least one character."),
        ({"name": "x" * 121}, "name", "May have at most 120 characters."),
        ({"strong": {"schedule": "up"}}, "strong.schedule", "Must be constant, linear or cosine."),
        ({"strong": {"speed": 3}}, "strong.speed", "This is not a setting."),
        ({"strong": 3}, "strong", "Must be a group of settings."),
        ({"methods": [{"kind": "loud"}]}, "methods.0", f"There is no kind “loud”. There are: {', '.join(METHOD_KINDS)}."),
        ({"methods": [{"weight": 1}]}, "methods.0", f"Needs a kind, one of: {', '.join(METHOD_KINDS)}."),
        ({"methods": [{"kind": "confidence", "weight": 2}]}, "methods.0.weight", "Must be at most 1."),
        (
            {"methods": [{"kind": "naive"}, {"kind": "naive"}]},
            "methods",
            "The same method with the same settings is asked for twice.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_at_its_path(change: dict[str, Any], path: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ExperimentSpec.model_validate(change)
    assert [(problem.path, problem.message) for problem in describe(caught.value.errors())] == [(path, sentence)]


def test_an_error_of_a_type_without_a_sentence_keeps_its_own_words() -> None:
    assert describe([{"type": "new", "loc": ("seeds",), "msg": "Too odd."}])[0].message == "Too odd."


def test_every_setting_of_every_method_is_in_the_key_of_a_run_and_its_words_in_the_spec() -> None:
    for variant in METHODS:
        plain = make_run("student", method=variant()).key()
        for name, info in variant.model_fields.items():
            assert info.title
            if name == "kind":
                continue
            assert info.description
            changed = variant.model_validate({name: another(info)})
            assert make_run("student", method=changed).key() != plain, (variant, name)


def another(info: FieldInfo) -> Any:
    """A value that is allowed and not the default."""
    if get_args(info.annotation):
        return next(value for value in get_args(info.annotation) if value != info.default)
    return info.default * 0.5 if isinstance(info.default, float) else info.default + 1


def test_settings_newer_than_the_first_keys_are_in_no_key_at_their_defaults() -> None:
    for method in (Naive(), Confidence()):
        content = make_run("student", method=method).model_dump(mode="json", exclude={"gradient_checkpointing", "keep_weights"})
        for name in LATER:
            del content[name]
        content["method"] = {"naive": {"kind": "naive"}, "confidence": {"kind": "confidence", "ramp": 0.2, "weight": 0.5}}[
            method.kind
        ]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert make_run("student", method=method).key() == hashlib.sha256(text.encode()).hexdigest()


def test_a_method_for_two_classes_is_refused_where_there_are_more_at_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    three = replace(catalog.dataset("movie-reviews"), name="three", classes=("bad", "so-so", "good"))
    monkeypatch.setitem(catalog.DATASETS, "three", three)
    for variant in METHODS:
        pairs = {role: {"models": ["minilm-l1", "minilm-l2"]} for role in ("weak", "strong")}
        settings = pairs | {"data": {"name": "three"}, "methods": [{"kind": "naive", "labels": "hard"}, variant().model_dump()]}
        if variant in PROMPTS:
            continue  # what they ask has to be a decoder
        if not variant.two_classes:
            ExperimentSpec.model_validate(settings)
            continue
        with pytest.raises(ValidationError) as caught:
            ExperimentSpec.model_validate(settings)
        (problem,) = describe(caught.value.errors())
        assert problem.path == "methods.1"
        assert problem.message == "This method is defined for two classes, and the data set has 3."
