"""The form follows the spec: every setting has a field, and no entered text is lost."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from tests.docs import reference
from tests.factories.models import make_model
from training import ExperimentSpec, catalog
from training.spec import Confidence, DataSpec, Naive, StrongSpec
from training.spec.methods import METHODS, PROMPTS, Overlap
from training.spec.methods.base import MethodBase
from training.spec.setting import Setting
from webapp.pages import fields
from webapp.pages.experiments.form import SpecForm
from webapp.pages.experiments.form_rows import Row
from webapp.pages.experiments.setting_differences import differing

SPECS = [
    ExperimentSpec(),
    ExperimentSpec.model_validate(
        {
            "name": "Everything else",
            "data": {"test_fraction": 0.3, "locked_fraction": 0, "validation_fraction": 0, "limit": 500, "split_seed": 7},
            "weak": {"models": ["minilm-l2", "bag-of-words"], "tuning": "full", "lr": 2e-5, "epochs": 2, "stop": "last"},
            "strong": {
                "models": ["minilm-l6"],
                "gradient_checkpointing": True,
                "precision": "bf16",
                "weight_decay": 0.01,
                "schedule": "constant",
                "max_tokens": 64,
                "stop": "last",
            },
            "methods": [
                {"kind": "confidence", "weight": 0.25},
                {"kind": "naive"},
                {"kind": "confidence", "weight": 0.1, "ramp": 0.0},
            ],
            "seeds": 12,
            "keep_weights": True,
        }
    ),
]


def spec_leaves(value: Any, path: str = "") -> set[str]:
    """Return the dotted paths of all values in a dumped spec; a list of models counts as one value."""
    if isinstance(value, dict):
        return {leaf for name, item in value.items() for leaf in spec_leaves(item, f"{path}.{name}" if path else name)}
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        return {leaf for index, item in enumerate(value) for leaf in spec_leaves(item, f"{path}.{index}")}
    return {path}


@pytest.mark.parametrize("spec", SPECS, ids=["defaults", "everything"])
def test_every_leaf_of_the_spec_has_a_field(spec: ExperimentSpec) -> None:
    form = SpecForm.of(spec)
    on_page = [row for section in form.sections for row in [*section.plain, *section.folded]]
    on_page += [form.head, *form.constants]
    for block in (block for section in form.sections for rows in section.lists for block in rows.blocks):
        assert block.kind
        chosen = next(variant for variant in block.variants if variant.value == block.kind.value)
        on_page += [block.kind, *chosen.rows]
    assert {row.leaf.spec_path for row in on_page} == spec_leaves(spec.model_dump())


@pytest.mark.parametrize("spec", SPECS, ids=["defaults", "everything"])
def test_a_spec_goes_through_the_form_and_back_unchanged(spec: ExperimentSpec) -> None:
    form = SpecForm.of(spec)
    assert SpecForm(form.raw).spec == spec == form.spec


class Bootstrap(MethodBase):
    kind: Literal["bootstrap"] = Field("bootstrap", title="Bootstrapping")
    rounds: int = Field(3, ge=1, title="Rounds")


class MoreData(DataSpec):
    shuffle: bool = Field(True, title="Shuffle")


class LargerSpec(ExperimentSpec):
    """A possible future spec, which the form does not know."""

    data: MoreData = Field(MoreData(), title="Data")
    temperature: float = Field(1.0, gt=0, title="Temperature")
    note: str | None = Field(None, title="Note")
    methods: tuple[Annotated[Naive | Confidence | Bootstrap, Field(discriminator="kind")], ...] = Field(  # type: ignore[assignment]
        (Naive(), Bootstrap()), title="Methods"
    )


def test_a_new_setting_appears_by_itself_and_is_read() -> None:
    form = SpecForm.of(LargerSpec())
    titles = {row.title for section in form.sections for row in section.plain}
    assert {"Shuffle", "Temperature", "Note"} <= titles
    kind = form.sections[-1].lists[0].blocks[0].kind
    assert kind
    assert [title for _, title in kind.options] == ["Naive", "Confidence loss", "Bootstrapping"]
    raw = form.raw | {"temperature": ["2.5"], "note": ["hot"], "methods__1__bootstrap__rounds": ["7"]}
    raw.pop("data__shuffle")  # a box that is not ticked is not sent
    spec = SpecForm(raw, LargerSpec).spec
    assert isinstance(spec, LargerSpec)
    assert (spec.temperature, spec.note, spec.data.shuffle) == (2.5, "hot", False)
    assert spec.methods[1] == Bootstrap(rounds=7)


class LargerStrong(StrongSpec):
    dropout: Annotated[Literal["none", "half"], Setting("further", unit="of all units", titles={"half": "One half"})] = Field(
        "none", title="Dropout", description="Units left out of each step."
    )


class WithDropout(ExperimentSpec):
    """The spec with a further training setting, declared nowhere else."""

    strong: LargerStrong = Field(LargerStrong(), title="Students and ceilings")


def test_a_new_training_setting_is_in_form_schema_comparison_and_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    form = SpecForm.of(WithDropout())
    (row,) = [row for section in form.sections for row in section.folded if row.title == "Dropout"]
    assert (row.unit, row.hint) == ("of all units", "Units left out of each step.")
    assert list(row.options) == [("none", "None"), ("half", "One half")]
    wrong = SpecForm(form.raw | {"strong__dropout": ["all"]}, WithDropout)
    assert [row.title for row in wrong.rows if row.problems] == ["Dropout"]

    assert "dropout" in WithDropout.model_json_schema()["$defs"]["LargerStrong"]["properties"]

    (setting,) = differing([WithDropout(), WithDropout(strong=LargerStrong(dropout="half"))])
    assert (setting.title, setting.values) == ("Students and ceilings, dropout", ["None", "One half"])

    monkeypatch.setattr(reference, "ExperimentSpec", WithDropout)
    assert "| `strong.dropout` | Dropout. Units left out of each step. | none, half | none |" in reference.settings()


def test_a_type_without_a_field_is_said_at_once() -> None:
    class Odd(BaseModel):
        thing: dict[str, int] = {}

    with pytest.raises(TypeError, match="thing"):
        fields.nodes(Odd)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("strong__epochs", "0", "strong__epochs"),
        ("strong__epochs", "many", "strong__epochs"),
        ("data__test_fraction", "", "data__test_fraction"),
        ("weak__models", "no-such-model", "weak__models"),
        ("methods__1__confidence__weight", "1.5", "methods__1__confidence__weight"),
        ("seeds", "0", "seeds"),
        ("name", "", "name"),
    ],
)
def test_an_error_lands_on_its_field_and_the_text_stays(name: str, text: str, place: str) -> None:
    form = SpecForm(SpecForm.of(ExperimentSpec()).raw | {name: [text]})
    assert form.spec is None
    wrong = [row for row in form.rows if row.problems]
    assert [row.leaf.name for row in wrong] == [place]
    assert wrong[0].values == [text]
    assert form.general == []


def test_an_error_of_a_list_stands_at_the_list_and_an_unknown_one_at_the_head() -> None:
    form = SpecForm.of(ExperimentSpec())
    form.add("methods")
    assert form.sections[-1].lists[0].problems == ["The same method with the same settings is asked for twice."]
    assert form.wrong == [("Methods", "rows-methods")]


def test_an_unticked_list_of_models_is_an_error_of_that_list() -> None:
    raw = SpecForm.of(ExperimentSpec()).raw
    raw.pop("strong__models")
    assert [title for title, _ in SpecForm(raw).wrong] == ["Models"]


def test_rows_are_added_and_removed_without_losing_what_stands_in_the_others() -> None:
    form = SpecForm.of(SPECS[1])
    form.add("methods")
    assert len(form.sections[-1].lists[0].blocks) == 4
    form.remove("methods.1")
    form.raw["methods__2__confidence__weight"] = ["0.9"]
    form.judge(form.raw)
    assert isinstance(form.spec, ExperimentSpec)
    assert [getattr(method, "weight", None) for method in form.spec.methods] == [0.25, 0.1, 0.9]


def test_values_of_the_variant_that_is_not_chosen_are_kept() -> None:
    raw = SpecForm.of(SPECS[1]).raw | {"methods__0__kind": ["naive"], "methods__1__kind": ["confidence"]}
    form = SpecForm(raw)
    assert form.raw["methods__0__confidence__weight"] == ["0.25"]
    assert isinstance(form.spec, ExperimentSpec)
    assert form.spec.methods[0] == Naive()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that the catalog can read: almost no weights, and an empty tokenizer."""
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_positions": 256}')
    (tmp_path / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    Tokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def models_row(form: SpecForm) -> Row:
    return next(row for row in form.rows if row.leaf.path == "strong.models")


def test_models_that_are_not_on_offer_are_typed_one_per_line(folder: Path) -> None:
    raw = SpecForm.of(ExperimentSpec()).raw | {"strong__models": ["minilm-l4", f"\r\n {folder} \r\n"]}
    form = SpecForm(raw)
    assert isinstance(form.spec, ExperimentSpec)
    assert form.spec.strong.models == ("minilm-l4", catalog.model(str(folder)).name)
    again = SpecForm.of(form.spec)
    assert models_row(again).others == form.spec.strong.models[1]
    assert again.spec == form.spec


def test_an_empty_field_for_other_models_adds_none() -> None:
    form = SpecForm(SpecForm.of(ExperimentSpec()).raw | {"strong__models": ["minilm-l4", ""]})
    assert form.spec == ExperimentSpec()


def test_what_is_wrong_with_a_typed_model_is_said_at_the_models_and_the_text_stays() -> None:
    form = SpecForm(SpecForm.of(ExperimentSpec()).raw | {"strong__models": ["minilm-l4", "/nowhere\nhub:gpt2"]})
    row = models_row(form)
    assert row.problems == ["No model can be read from this folder."]
    assert row.others == "/nowhere\nhub:gpt2"
    assert form.general == []


def test_what_differs_from_the_parent_is_marked_with_what_it_was() -> None:
    parent = ExperimentSpec()
    raw = SpecForm.of(parent).raw | {"seeds": ["7"], "strong__models": ["minilm-l6"], "strong__lr": ["0.01"]}
    raw |= {"weak__gradient_checkpointing": ["True"]}
    marked = {row.leaf.name: row.was for row in SpecForm(raw, parent=parent).rows if row.was is not None}
    assert marked == {
        "seeds": "5",
        "strong__models": "MiniLM L4",
        "strong__lr": "empty",
        "weak__gradient_checkpointing": "no",
    }


def test_the_page_shows_the_settings_of_the_chosen_method_however_many_methods_there_are() -> None:
    css = (Path(__file__).resolve().parents[3] / "static/css/pages.css").read_text()
    for number in range(1, len(METHODS) + 1):
        assert f"option:nth-child({number}):checked) > .variant:nth-of-type({number + 1})" in css


def test_every_method_goes_through_the_form_and_back_unchanged(tmp_path: Path) -> None:
    decoder = str(make_model(tmp_path / "tiny-gpt2", "gpt2"))
    trained = [kind for kind in METHODS if kind not in (*PROMPTS, Overlap)]
    picky = [([Overlap], ["minilm-l1"]), (PROMPTS, [decoder])]
    for kinds, strong in ((trained[:12], LIGHT), (trained[12:24], LIGHT), (trained[24:], LIGHT), *picky):
        methods = [kind().model_dump() for kind in kinds]
        spec = ExperimentSpec.model_validate({"weak": {"models": LIGHT}, "strong": {"models": strong}, "methods": methods})
        assert SpecForm(SpecForm.of(spec).raw).spec == spec


LIGHT = ["bag-of-words", "minilm-l1"]
