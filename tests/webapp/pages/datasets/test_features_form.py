"""The form for a feature bundle: guesses from its arrays, and the mapping that they make."""

from pathlib import Path

from tests.factories.bundles import how, write_npz
from training.engine.data.preview import preview
from webapp.pages.datasets.mapping_form import MappingForm


def test_a_bundle_is_recognised_and_its_arrays_are_guessed(tmp_path: Path) -> None:
    form = MappingForm(preview(write_npz(tmp_path)), {})
    assert form.kind == "features"
    values = {item.name: item.value for item in form.inputs}
    assert values["arrays"].splitlines() == ["X_weak", "X_strong"]
    assert (values["truth"], values["id"], values["group"], values["split"]) == ("truth", "id", "group", "split")
    mapping = form.mapping()
    assert mapping is not None
    assert mapping == how(split="split")


def test_an_array_that_the_file_does_not_have_is_said_at_its_field(tmp_path: Path) -> None:
    form = MappingForm(preview(write_npz(tmp_path)), {"kind": "features", "arrays": "X_weak\nX_none", "truth": "truth"})
    assert form.mapping() is None
    assert "There is no column “X_none”" in form.problems["arrays"][0]


def test_a_stored_mapping_fills_the_form_again(tmp_path: Path) -> None:
    stored = how(arrays=["X_strong"], group=None, skip=True)
    form = MappingForm(preview(write_npz(tmp_path)), {}, stored)
    assert form.mapping() == stored


def test_selects_offer_arrays_with_one_value_a_row(tmp_path: Path) -> None:
    choices = {item.name: [value for value, _ in item.choices] for item in MappingForm(preview(write_npz(tmp_path)), {}).inputs}
    assert "X_weak" not in choices["truth"]
    assert choices["group"][0] == ""
    assert choices["arrays"] == []
