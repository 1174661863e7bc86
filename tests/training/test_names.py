"""A key, digest or name of a foreign run or archive is of its type or refused; no path is made of anything else."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from training import ExperimentSpec, RunSpec, Store, Triplet, make_plan
from training.catalog import library
from training.names import UnsafeName, component, within
from training.spec import upgrade
from training.storage.archive import Archive

HOSTILE = (
    "../../x/y",
    "..",
    "/etc/passwd",
    "a/b",
    "a\\..\\b",
    "%2e%2e%2fx",
    "x" * 10_000,
    "line\nbreak",
    "a" * 64 + "\n",
    "nul\0byte",
    "\u0430" * 64,  # a Cyrillic letter that looks like the Latin one
    "\uff0e\uff0e\uff0fx",  # full-width dots and solidus
    "A" * 64,
    " ",
    ".hidden",
)
PLACES = (
    "../x",
    "local:../../etc",
    "local:/srv/../etc",
    "local:",
    "local:/a\0b",
    "local:/a\nb",
    "hub:../x",
    "hub:a/../b",
    "hub:a/b@../c",
)
RUN = next(iter(make_plan(ExperimentSpec(name="x", seeds=1)).runs.values()))
KEY = "a" * 64
MODELS_OF = {"weak_model": "bag-of-words", "strong_model": "gpt2"}
TRIPLET = {"weak": KEY, "student": KEY, "ceiling": KEY, **MODELS_OF, "method": 0, "seed": 0}
ABOUT = {
    "number": 1,
    "name": "It",
    "owner": "ada",
    "launched_at": "2026-01-01T00:00:00Z",
    "ended_at": "2026-01-01T00:00:00Z",
    "spec": {},
    "triplets": [TRIPLET],
    "result": None,
    "versions": {},
    "datasets": {"movie-reviews": KEY},
}
STRINGS = ("dataset", "fingerprint", "labels", "model", "digest", "start", "judge", "features_of")
LISTS = ("boosts", "members")


def texts_of(model: type[RunSpec]) -> set[str]:
    """Fields that hold text of a free form, by their JSON schema."""

    def free(schema: dict[str, Any]) -> bool:
        if schema.get("type") == "string":
            return "enum" not in schema and "const" not in schema
        return any(map(free, [*schema.get("anyOf", ()), *filter(None, [schema.get("items")])]))

    return {name for name, schema in model.model_json_schema()["properties"].items() if free(schema)}


def test_every_text_of_a_run_is_tried_below() -> None:
    assert texts_of(RunSpec) == {*STRINGS, *LISTS}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", [*STRINGS, *LISTS])
def test_a_foreign_run_with_a_hostile_value_is_refused(field: str, hostile: str) -> None:
    spec = RUN.model_dump(mode="json") | {field: [hostile] if field in LISTS else hostile}
    if (field, hostile) == ("model", "A" * 64):
        return  # it may name a model
    with pytest.raises(ValidationError):
        RunSpec.model_validate_json(json.dumps(spec))


@pytest.mark.parametrize("hostile", PLACES)
def test_a_model_in_a_place_outside_its_folder_or_with_unprintable_characters_is_refused(hostile: str) -> None:
    with pytest.raises(ValidationError):
        RunSpec.model_validate_json(json.dumps(RUN.model_dump(mode="json") | {"model": hostile}))
    spec = ExperimentSpec(name="x").model_dump(mode="json")
    spec["weak"]["models"] = [hostile]
    with pytest.raises(ValidationError):
        upgrade(spec)


@pytest.mark.parametrize(
    "name",
    ["bag-of-words", "Qwen2.5-0.5B", "hub:org/na.me", "hub:org/name@v1.0", "hub:o/n@refs/pr/1", "local:/srv/My models/gpt"],
)
def test_models_of_every_kind_have_names(name: str) -> None:
    assert RunSpec.model_validate(RUN.model_dump(mode="json") | {"model": name}).model == name


@pytest.mark.parametrize("digest", ["", "b" * 40, "b" * 64])
def test_a_model_has_a_digest_a_commit_or_nothing(digest: str) -> None:
    assert RunSpec.model_validate(RUN.model_dump(mode="json") | {"digest": digest}).digest == digest


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", [name for name, value in TRIPLET.items() if isinstance(value, str)])
def test_a_foreign_triplet_with_a_hostile_value_is_refused(field: str, hostile: str) -> None:
    if field.endswith("model") and hostile == "A" * 64:
        return  # it may name a model
    with pytest.raises(ValidationError):
        TypeAdapter(Triplet).validate_python(TRIPLET | {field: hostile})
    with pytest.raises(ValidationError):
        Archive.model_validate_json(json.dumps(ABOUT | {"triplets": [TRIPLET | {field: hostile}]}))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_foreign_archive_with_a_hostile_data_set_is_refused(hostile: str) -> None:
    for datasets in ({hostile: KEY}, {"movie-reviews": hostile}):
        with pytest.raises(ValidationError):
            Archive.model_validate_json(json.dumps(ABOUT | {"datasets": datasets}))


@pytest.mark.parametrize("field", ["name", "owner"])
@pytest.mark.parametrize("hostile", ["nul\0byte", "line\nbreak", "x" * 10_000])
def test_a_foreign_archive_with_a_name_of_several_lines_is_refused(field: str, hostile: str) -> None:
    assert Archive.model_validate_json(json.dumps(ABOUT)).name == "It"
    with pytest.raises(ValidationError):
        Archive.model_validate_json(json.dumps(ABOUT | {field: hostile}))


@pytest.mark.parametrize("hostile", [name for name in HOSTILE if name not in ("A" * 64,)])
def test_no_path_is_made_of_a_hostile_name(hostile: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeName):
        component(hostile)
    with pytest.raises(UnsafeName):
        Store(tmp_path).run(hostile)
    with pytest.raises(UnsafeName):
        library.file_of(hostile)
    assert library.get(hostile) is None


def test_a_plain_name_is_directly_in_its_folder(tmp_path: Path) -> None:
    assert within(tmp_path, "a-b_c.1", ".json") == tmp_path / "a-b_c.1.json"


@pytest.mark.parametrize(
    "field", [name for name, model_field in RunSpec.model_fields.items() if model_field.annotation in (int, float, int | None)]
)
@pytest.mark.parametrize("number", [-1, 10**400])
def test_a_foreign_run_with_an_impossible_number_is_refused(field: str, number: int) -> None:
    with pytest.raises(ValidationError):
        RunSpec.model_validate_json(json.dumps(RUN.model_dump(mode="json") | {field: number}))
