"""An export is the view: the same rows in the same order, in every format, and nothing in it that acts."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factories.example_tables import World, make_world, three_classes
from webapp.example_queries.export import SUFFIXES, Format, neutral, write
from webapp.example_queries.rows import Labelled
from webapp.example_queries.view import View

NASTY = [
    '=HYPERLINK("http://evil.example","click")',
    "+1+1|cmd",
    "-2",
    "@SUM(A1)",
    "  =1+1",
    "\t=1",
    "\r=1",
    "<script>alert(1)</script>",
    'line\nbreak, "quotes"',
    "\u202eright to left\u202c",
    "nul\x00byte",
    "👩‍🔬 emoji",
    "w" * 1_000_000,
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    spread = [text for nasty in NASTY for text in (nasty, "filler", "filler")]  # every third row is in the test set
    return make_world(tmp_path_factory.mktemp("world"), texts=spread)


def exported(world: World, how: Format, view: View, folder: Path) -> Path:
    target = folder / f"out.{SUFFIXES[how]}"
    with world.slice(view) as rows:
        write(rows, {int(world.ids[0]): ["ambiguous", "gold label wrong"]}, how, target, {"experiment": "#1"})
    return target


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    with pq.ParquetFile(path) as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


@pytest.mark.parametrize("how", ["jsonl", "parquet"])
def test_rows_and_texts_are_those_of_the_view_in_its_order(world: World, how: Format, tmp_path: Path) -> None:
    view = View(sort="length", gold=1, after="3:7")
    rows = read(exported(world, how, view, tmp_path))
    with world.slice(view.but()) as selected:
        expected = selected.page(10_000)
    kind = str if how == "jsonl" else int
    assert [row["id"] for row in rows] == [kind(example_id.id) for example_id in expected]
    at = {int(example_id): place for place, example_id in enumerate(world.ids)}
    for row, example_id in zip(rows, expected, strict=True):
        assert row["text"] == world.texts[at[int(row["id"])]]
        assert isinstance(example_id, Labelled)
        assert row["student_prob_of_1"] == pytest.approx(example_id.said["student"].prob)
        assert (row["cell"], row["flip_step"], row["gold"]) == (example_id.cell, example_id.flip, 1)


def test_a_search_is_in_the_export_too_and_tags_come_along(world: World, tmp_path: Path) -> None:
    rows = read(exported(world, "jsonl", View(q="HYPERLINK"), tmp_path))
    assert [row["tags"] for row in rows] == [["ambiguous", "gold label wrong"]]
    assert rows[0]["text"] == NASTY[0]


def test_no_cell_of_a_csv_is_a_formula(world: World, tmp_path: Path) -> None:
    csv.field_size_limit(2_000_000)
    with exported(world, "csv", View(), tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    texts = {row["text"] for row in rows}
    assert not [text for text in texts if text.lstrip(" ")[:1] in tuple("=+-@\t\r")]
    for nasty in NASTY:
        assert nasty.replace("\x00", "") in texts or f"'{nasty}" in texts


@pytest.mark.parametrize("harmless", ["a = b", "good", "", "5 stars", "'tis"])
def test_what_is_no_formula_stays_as_it_is(harmless: str) -> None:
    assert neutral(harmless) == harmless


def test_a_folder_is_loaded_by_the_library_datasets(world: World, tmp_path: Path) -> None:
    archive = exported(world, "datasets", View(cell=(5,)), tmp_path)
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(tmp_path / "folder")
    import datasets

    loaded = datasets.load_dataset(str(tmp_path / "folder"), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["test"]
    with world.slice(View(cell=(5,))) as rows:
        assert loaded["test"]["id"][:] == [row.id for row in rows.page(10_000)]
    assert "* experiment: #1" in (tmp_path / "folder" / "README.md").read_text()


def test_a_large_export_is_written_in_parts_that_join_without_a_gap(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.example_queries.export.CHUNK", 7)
    rows = read(exported(world, "parquet", View(), tmp_path))
    assert len({row["id"] for row in rows}) == len(rows) == 200


def test_of_three_classes_the_probability_of_class_1_is_left_empty(tmp_path: Path) -> None:
    world = three_classes(tmp_path)
    actual = read(exported(world, "parquet", View(), tmp_path))
    assert len(actual) == (world.split == "test").sum()
    for row in actual:
        at = np.flatnonzero(world.ids == row["id"])[0]
        assert row["student_prob_of_1"] is None
        assert row["student_prob_of_gold"] == pytest.approx(world.prob[1, at, row["gold"]])
