"""Feature bundles that people bring: what becomes of their rows, and the sentence for each way in which they can be wrong."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.factories.bundles import CLASSES, ROWS, bundle, how, write_npz
from tests.factories.runs import make_run
from training.catalog.dataset_card import CHECKED_FILE
from training.command_output import CheckResult
from training.engine.data.bundle_file import BundleFile
from training.engine.data.bundles import make_bundle
from training.engine.data.examples import Examples, from_table
from training.engine.data.preview import preview
from training.engine.data.split import split_for
from training.engine.errors import CorruptData
from training.names import FEATURES


def made(path: Path, **changes: Any) -> tuple[CheckResult, Examples, dict[str, np.ndarray]]:
    """Return the result of the checks, the rows of the made file, and its arrays."""
    folder = path.parent / "out"
    result = make_bundle(path, how(**changes).root, folder, lambda *_: None)  # type: ignore[arg-type]
    with BundleFile(folder / CHECKED_FILE) as file:
        arrays = {name: np.concatenate(list(file.blocks(array))) for name, array in file.arrays.items()}
        columns = [name for name in file.file.schema_arrow.names if not name.startswith("features_")]
        return result, from_table(file.file.read(columns=columns)), arrays


def test_rows_and_features_are_kept_as_they_came(tmp_path: Path) -> None:
    given = bundle()
    result, rows, arrays = made(write_npz(tmp_path))
    assert result.classes == tuple(given["names"])
    assert rows.text.to_pylist() == given["id"].tolist()
    np.testing.assert_array_equal(rows.label, given["truth"])
    assert {name: array.dtype.name for name, array in arrays.items()} == {"X_weak": "float32", "X_strong": "float16"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, given[name])
    assert (rows.group[::2] == rows.group[1::2]).all()
    assert len(np.unique(rows.group)) == ROWS // 2
    assert result.report.classes == (ROWS // CLASSES,) * CLASSES
    assert [array.width for array in result.report.arrays] == [3, 16]


def test_npz_and_parquet_of_the_same_features_are_the_same_data_set(tmp_path: Path) -> None:
    given = bundle()
    names = [given["names"][number] for number in given["truth"]]
    columns: dict[str, Any] = {name: given[name] for name in ("id", "group")}
    columns |= {
        name: pa.array(given[name].tolist(), pa.list_(pa.from_numpy_dtype(given[name].dtype))) for name in ("X_weak", "X_strong")
    }
    pq.write_table(pa.table(columns | {"truth": names}), tmp_path / "file.parquet")
    first = made(write_npz(tmp_path, truth=np.array(names), names=None), names=None)[0]
    second = made(tmp_path / "file.parquet", names=None)[0]
    assert first.fingerprint == second.fingerprint
    assert second.classes == tuple(sorted(given["names"]))


def test_the_order_of_memory_and_other_number_types_make_no_difference(tmp_path: Path) -> None:
    given = bundle()
    plain = made(write_npz(tmp_path))[0]
    weak = np.asfortranarray(given["X_weak"].astype(np.float64))
    assert made(write_npz(tmp_path, X_weak=weak))[0].fingerprint == plain.fingerprint


def test_whole_numbers_are_ids_and_rows_without_ids_are_counted(tmp_path: Path) -> None:
    ids = np.arange(ROWS)[::-1] + 10
    assert made(write_npz(tmp_path, id=ids))[1].id.tolist() == ids.tolist()
    rows = made(write_npz(tmp_path), id=None)[1]
    assert rows.id.tolist() == list(range(ROWS))
    assert rows.text[1000 if ROWS > 1000 else 5].as_py() == "row 5"


def test_rows_with_equal_features_stay_together_without_a_group(tmp_path: Path) -> None:
    given = bundle()
    for name in ("X_weak", "X_strong"):
        given[name][1] = given[name][0]
    rows = made(write_npz(tmp_path, X_weak=given["X_weak"], X_strong=given["X_strong"]), group=None)[1]
    assert rows.group[0] == rows.group[1]
    assert len(np.unique(rows.group)) == ROWS - 1


def test_a_given_split_decides_the_test_set_and_the_halves_are_drawn(tmp_path: Path) -> None:
    given = bundle()
    result, rows, _ = made(write_npz(tmp_path), split="split")
    split = split_for(make_run("ceiling"), rows.group, rows.part)
    np.testing.assert_array_equal(split.test, np.flatnonzero(given["split"] == "test"))
    assert len(split.locked) == 0
    assert result.report.parts == {"test": len(split.test), "train": ROWS - len(split.test)}
    assert len(split.a.rows) + len(split.b.rows) == ROWS - len(split.test)


def test_small_classes_are_named_or_left_out(tmp_path: Path) -> None:
    truth = bundle()["truth"].copy()
    truth[:3] = 9
    path = write_npz(tmp_path, truth=truth)
    with pytest.raises(CorruptData, match=r"1 of 6 classes have fewer than 5 rows, such as “9” with 3"):
        made(path, names=None)
    result, rows, arrays = made(path, names=None, skip=True)
    assert (len(rows), result.report.counts.skipped, len(arrays["X_weak"])) == (ROWS - 3, 3, ROWS - 3)
    assert result.classes == ("0", "1", "2", "3", "4")
    np.testing.assert_array_equal(arrays["X_weak"], bundle()["X_weak"][3:])


def test_the_report_has_a_classifier_of_each_array_and_warns_of_what_is_odd(tmp_path: Path) -> None:
    given = bundle()
    given["X_weak"][:, 2] = 1
    truth = np.where(np.arange(ROWS) < 570, 0, 1 + np.arange(ROWS) % 4)
    report = made(write_npz(tmp_path, X_weak=given["X_weak"], X_strong=given["X_strong"].astype(np.float32) * 1e6))[0].report
    assert [baseline.name for baseline in report.baselines] == [f"{FEATURES}X_weak", f"{FEATURES}X_strong"]
    assert report.baselines[1].accuracy > report.baselines[0].accuracy > 0.3
    warnings = " ".join(report.warnings)
    assert "1 of 3 features of X_weak are constant" in warnings
    assert "The features of X_strong are 2e+06 in the mean" in warnings
    skewed = " ".join(made(write_npz(tmp_path, truth=truth))[0].report.warnings)
    assert "The largest of 5 classes has 570 rows and the smallest 7" in skewed
    assert "4 of 5 classes have fewer than 20 rows" in skewed


def nan() -> np.ndarray:
    values = bundle()["X_weak"].copy()
    values[41, 2] = np.nan
    return values


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"X_weak": nan()}, "Row 42, feature 3 of “X_weak” is not a finite number"),
        ({"X_weak": np.full((ROWS, 3), 1e39)}, "is too large for single precision"),
        ({"X_weak": np.ones((ROWS, 3), np.float32)}, "All features of “X_weak” are constant"),
        ({"X_weak": np.zeros(ROWS)}, "The array “X_weak” is 600 of float64"),
        ({"X_weak": np.zeros((ROWS, 3, 2))}, "The array “X_weak” is 600 x 3 x 2 of float64"),
        ({"X_weak": np.zeros((ROWS, 0))}, "“X_weak” has 0 features"),
        ({"X_weak": np.zeros((ROWS - 1, 3))}, "“X_weak” has 599 rows, and “X_strong” has 600"),
        ({"X_weak": np.array([["a"] * 3] * ROWS)}, "The array “X_weak” is 600 x 3 of str"),
        ({"X_weak": None}, "There is no array “X_weak”. There are: X_strong"),
        ({"truth": np.zeros(ROWS - 1, int)}, "“truth” has 599 values, and the features have 600 rows"),
        ({"truth": np.zeros(ROWS, int)}, "Only 1 class has rows"),
        ({"truth": np.eye(CLASSES)[np.arange(ROWS) % CLASSES]}, "“truth” is 600 x 5, and must have one value a row"),
        ({"truth": np.array(["a", ""] * (ROWS // 2))}, "Row 2, “truth”: the class is missing"),
        ({"names": np.array(["a", "b"])}, "“2” in “truth” is no number of the 2 classes in “names”"),
        ({"id": np.zeros(ROWS, int)}, "The id “0” occurs more than once"),
        ({"truth": np.array([1, "x"] * (ROWS // 2), object)}, "holds Python objects, which are pickles and never read"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CorruptData) as refusal:
        made(write_npz(tmp_path, **changes))
    assert sentence in str(refusal.value)


def test_a_split_with_other_words_without_test_rows_or_through_a_group_is_refused(tmp_path: Path) -> None:
    split = bundle()["split"].copy()
    for values, sentence in (
        (np.where(split == "test", "dev", split), "“dev” is none of train, test, locked"),
        (np.full(ROWS, "train"), "No row of “split” is test"),
        (np.where(np.arange(ROWS) == 0, "train", split), "are in two parts of “split”"),
    ):
        with pytest.raises(CorruptData, match=sentence):
            made(write_npz(tmp_path, split=values), split="split")


def test_more_classes_than_can_be_told_apart_are_refused(tmp_path: Path) -> None:
    rows = 1001 * 5
    path = tmp_path / "many.npz"
    np.savez(path, X=np.random.default_rng(0).normal(size=(rows, 2)), truth=np.arange(rows) % 1001)
    with pytest.raises(CorruptData, match="There are 1,001 classes, and at most 1,000"):
        made(path, arrays=["X"], id=None, group=None, names=None)


def header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": kind, "fortran_order": False, "shape": shape})
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (header((2**40, 2)), "unpacks to 8,192.0 GB, and at most 4 GB is read"),
        (header((600, 3)) + bytes(7_000), "has 7,000 bytes, and its header declares 7,200"),
        (header((600, 3)) + bytes(9_000), "has 9,000 bytes, and its header declares 7,200"),
        (header((600, 3), "|O") + bytes(4_800), "holds Python objects"),
        (b"\x93NUMPY\x09\x00rubbish", "has no header that can be read"),
        (b"no array", "has no header that can be read"),
    ],
)
def test_no_more_is_unpacked_than_an_array_declares_and_may_have(tmp_path: Path, content: bytes, sentence: str) -> None:
    with zipfile.ZipFile(tmp_path / "file.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X_weak.npy", content)
    with pytest.raises(CorruptData, match=sentence):
        preview(tmp_path / "file.npz")


def test_a_file_that_is_no_archive_or_ends_early_is_refused(tmp_path: Path) -> None:
    whole = write_npz(tmp_path).read_bytes()
    for content in (b"", b"PK\x03\x04", whole[: len(whole) // 2], whole.replace(b"NUMPY", b"NUMPX")):
        (tmp_path / "file.npz").write_bytes(content)
        with pytest.raises(CorruptData):
            preview(tmp_path / "file.npz")


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (pa.array([[1.0, 2.0]] * 599 + [[1.0]]), "do not all have 2 numbers"),
        (pa.array([[1.0, 2.0]] * 599 + [None]), "Row 600, column “X_weak”: the features are missing"),
        (pa.array([[1.0, 2.0]] * 599 + [[1.0, None]]), "Row 600, column “X_weak”: a number is missing"),
    ],
)
def test_a_row_of_parquet_without_all_of_its_features_is_named(tmp_path: Path, column: pa.Array, sentence: str) -> None:
    pq.write_table(pa.table({"X_weak": column, "truth": bundle()["truth"]}), tmp_path / "file.parquet")
    with pytest.raises(CorruptData, match=sentence):
        made(tmp_path / "file.parquet", arrays=["X_weak"], id=None, group=None, names=None)


def test_the_preview_has_the_shapes_and_the_first_numbers(tmp_path: Path) -> None:
    seen = preview(write_npz(tmp_path))
    types = {column.name: column.type for column in seen.columns}
    assert types["X_strong"] == "features, 600 x 16 of float16"
    assert types["truth"] == "whole number, 5 different"
    assert seen.looked_at == ROWS
    assert seen.rows[0][0].startswith(f"{bundle()['X_weak'][0, 0]:.3g}, ")


@pytest.mark.parametrize("arrays", [[], ["X", "x"], ["a/b"], ["1st"], [f"X{number}" for number in range(9)]])
def test_arrays_need_names_that_models_can_have(arrays: list[str]) -> None:
    with pytest.raises(ValidationError):
        how(arrays=arrays)


def test_the_metadata_of_the_file_names_its_arrays(tmp_path: Path) -> None:
    made(write_npz(tmp_path))
    with pq.ParquetFile(tmp_path / "out" / CHECKED_FILE) as file:
        stored = json.loads(file.schema_arrow.metadata[b"arrays"])
    assert stored[1] == {"name": "X_strong", "width": 16, "type": "float16"}
