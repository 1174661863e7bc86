"""Test sets that a file of images gives, by a column, by folders, or by a seeded permutation of its rows."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.factories.images import HOW, folder_of_classes, made, rows, zipped
from tests.factories.runs import finish
from training import ExperimentSpec, Store, catalog, make_plan
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import CHECKED_FILE, About
from training.catalog.library import Card
from training.cli.main import main
from training.command_output import CheckResult
from training.engine.data.prepare import add, check_file
from training.engine.errors import CorruptData
from training.spec import warnings


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))


def checked(path: Path, folder: Path, **how: object) -> CheckResult:
    return check_file(path, Mapping.model_validate(HOW | how), folder, lambda *_: None)


def added(path: Path, **how: object) -> Card:
    return add(path, Mapping.model_validate(HOW | how), About(name="shades"), lambda *_: None)


def in_parts(path: Path) -> Path:
    """Images below train/, test/ and locked/, of which every fourth is in one of the last two."""
    part = {0: "test", 4: "locked"}
    return zipped(path, [(f"{part.get(int(name[:-4]) % 8, 'train')}/{of}/{name}", content) for name, content, of in rows()])


def test_folders_above_those_of_the_classes_can_be_the_parts_of_the_split(tmp_path: Path) -> None:
    result = checked(in_parts(tmp_path / "a.zip"), tmp_path / "out", split="parent")
    assert result.report.parts == {"train": 90, "test": 16, "locked": 14}
    table = pq.read_table(tmp_path / "out" / CHECKED_FILE)
    for name, part in zip(table["text"].to_pylist(), table["part"].to_pylist(), strict=True):
        assert part == {0: "test", 4: "locked"}.get(int(name[:-4]) % 8, "train")


def test_a_drawn_test_set_is_the_end_of_numpy_s_permutation_in_the_order_of_paths(tmp_path: Path) -> None:
    path = folder_of_classes(tmp_path / "a.zip")
    result = checked(path, tmp_path / "out", test_rows=30, test_seed=5)
    assert result.report.parts == {"train": 90, "test": 30}
    files = sorted(zipfile.ZipFile(path).namelist())
    order = np.arange(len(files))
    np.random.default_rng(5).shuffle(order)
    expected = {tuple(Path(files[row]).parts[-2:]) for row in order[90:]}
    table = pq.read_table(tmp_path / "out" / CHECKED_FILE)
    columns = zip(table["label"].to_pylist(), table["text"].to_pylist(), table["part"].to_pylist(), strict=True)
    assert {(("dark", "light")[label], name) for label, name, part in columns if part == "test"} == expected


def test_a_folder_on_the_disk_gives_the_same_rows_as_its_zip(tmp_path: Path) -> None:
    path = folder_of_classes(tmp_path / "a.zip")
    zipfile.ZipFile(path).extractall(tmp_path / "folder")
    (tmp_path / "folder" / "set" / ".hidden").write_bytes(b"x")
    first, second = checked(path, tmp_path / "1", test_rows=30), checked(tmp_path / "folder", tmp_path / "2", test_rows=30)
    assert first == second


def test_the_rows_of_a_parquet_file_are_drawn_in_their_order(tmp_path: Path) -> None:
    listed = rows()
    image = pa.array([{"bytes": content, "path": name} for name, content, _ in listed])
    pq.write_table(pa.table({"image": image, "of": [of for _, _, of in listed]}), tmp_path / "a.parquet")
    checked(tmp_path / "a.parquet", tmp_path / "out", label="of", test_rows=20)
    table = pq.read_table(tmp_path / "out" / CHECKED_FILE)
    columns = zip(table["label"].to_pylist(), table["text"].to_pylist(), table["part"].to_pylist(), strict=True)
    last = np.random.default_rng(0).permutation(120)[100:]
    assert {(("dark", "light")[label], name) for label, name, part in columns if part == "test"} == {
        (listed[row][2], listed[row][0]) for row in last
    }


def test_an_experiment_trains_and_tests_on_the_given_parts(tmp_path: Path) -> None:
    card = added(in_parts(tmp_path / "a.zip"), split="parent")
    entry = catalog.dataset("shades")
    assert (entry.rows, entry.parts) == (card.rows, {"train": 90, "test": 16, "locked": 14})
    models: dict[str, Any] = {"models": ["pixels-4x4"], "epochs": 1, "stop": "last"}
    spec = ExperimentSpec.model_validate(
        {"data": {"name": "shades"}, "weak": models, "strong": models, "methods": [{"kind": "naive"}], "seeds": 1}
    )
    assert any("the data set says which rows are in its test set" in problem.message for problem in warnings(spec))
    plan, store = make_plan(spec), Store(tmp_path / "store")
    for run in plan.runs.values():
        finish(run, store)
    predicted = store.read_predictions(plan.triplets[0].ceiling)
    table = pq.read_table(entry.path, columns=["id", "part"])
    part_of = dict(zip(table["id"].to_pylist(), table["part"].to_pylist(), strict=True))
    for name, part in (("test", "test"), ("locked", "locked"), ("transfer", "train")):
        assert {part_of[row] for row in predicted.part(name).id.tolist()} == {part}
    assert len(predicted.part("test").id) == 16


def test_what_is_no_split_is_refused_by_a_sentence(tmp_path: Path) -> None:
    path = folder_of_classes(tmp_path / "a.zip")
    with pytest.raises(CorruptData, match=r"Row 1 \(set/dark/0.png\), column “parent”: “set” is none of train, test, locked"):
        checked(path, tmp_path / "out", split="parent")
    with pytest.raises(CorruptData, match="120 images to test are asked for, and there are 120"):
        checked(path, tmp_path / "out", test_rows=120)
    with pytest.raises(ValidationError, match="Either a column says the split, or so many images are drawn"):
        Mapping.model_validate(HOW | {"split": "parent", "test_rows": 9})
    without = zipped(tmp_path / "b.zip", [(f"train/{of}/{name}", content) for name, content, of in rows()])
    with pytest.raises(CorruptData, match="No image that is left is in the test set"):
        checked(without, tmp_path / "out", split="parent")


def test_images_of_one_group_in_two_parts_are_refused(tmp_path: Path) -> None:
    image = pa.array([{"bytes": made(number, 60 + 130 * (number % 2)), "path": f"{number}.png"} for number in range(120)])
    part = ["test" if number < 20 else "train" for number in range(120)]
    group = [f"g{number // 3}" for number in range(120)]
    of = [("dark", "light")[number % 2] for number in range(120)]
    pq.write_table(pa.table({"image": image, "of": of, "part": part, "who": group}), tmp_path / "a.parquet")
    with pytest.raises(CorruptData, match="Images of one group are in two parts of the split"):
        checked(tmp_path / "a.parquet", tmp_path / "out", label="of", split="part", group="who")


def test_the_command_line_reads_a_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    zipfile.ZipFile(folder_of_classes(tmp_path / "a.zip")).extractall(tmp_path / "folder")
    mapping = tmp_path / "mapping.json"
    mapping.write_text(Mapping.model_validate(HOW | {"test_rows": 30}).model_dump_json())
    assert main(["data", "add", str(tmp_path / "folder"), "--mapping", str(mapping), "--name", "shades"]) == 0
    assert catalog.dataset("shades").parts == {"train": 90, "test": 30}
