"""A folder with checksums, as one file and back."""

import zipfile
from pathlib import Path

import pytest

from training.storage.archive import CHECKSUMS, Broken, content_hash, differences, pack, seal, unpack, verify

KEY = "a" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "runs" / KEY).mkdir(parents=True)
    (made / "archive.json").write_text("{}")
    (made / "runs" / KEY / "run.json").write_text("1")
    (made / "runs" / KEY / "predictions.parquet").write_bytes(b"PAR1" * 100)
    return made


def test_what_was_sealed_is_verified_after_the_way_through_a_zip_file(folder: Path, tmp_path: Path) -> None:
    content = seal(folder)
    pack(folder, tmp_path / "one.zip")
    pack(folder, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    unpack(tmp_path / "one.zip", tmp_path / "there")
    assert verify(tmp_path / "there") == content == content_hash(folder)


def test_each_file_that_is_not_what_it_was_is_named(folder: Path) -> None:
    seal(folder)
    (folder / "archive.json").write_text('{"pgr": 1}')
    (folder / "runs" / KEY / "run.json").unlink()
    (folder / "runs" / KEY / "events.jsonl").write_text("")
    with pytest.raises(Broken) as broken:
        verify(folder)
    assert broken.value.problems == [
        f"runs/{KEY}/run.json is missing.",
        f"runs/{KEY}/events.jsonl is in no checksum.",
        "archive.json is not what it was when the archive was made.",
    ]


@pytest.mark.parametrize(
    ("text", "word"), [(None, "There is no checksums.txt that can be read"), ("hello", "no checksum: hello")]
)
def test_without_checksums_nothing_is_verified(folder: Path, text: str | None, word: str) -> None:
    if text is not None:
        (folder / CHECKSUMS).write_text(text)
    with pytest.raises(Broken, match=word):
        verify(folder)


@pytest.mark.parametrize(
    "name", ["../archive.json", "/etc/passwd", "runs/x/run.json", f"runs/{KEY}/weights.bin", "a\\b", "runs/"]
)
def test_a_file_that_no_archive_has_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as packed:
        packed.writestr("archive.json", "{}")
        packed.writestr(name, "x")
    with pytest.raises(Broken, match="has no file"):
        unpack(tmp_path / "it.zip", tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as packed:
        packed.writestr("archive.json", "{}")
        packed.writestr("archive.json", "[]")
    with pytest.raises(Broken, match="twice"):
        unpack(tmp_path / "it.zip", tmp_path / "there")


def test_what_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.storage.archive.LARGEST", 2**21)
    with zipfile.ZipFile(tmp_path / "it.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("archive.json", b"0" * 2**22)
    with pytest.raises(Broken, match="unpacks to more"):
        unpack(tmp_path / "it.zip", tmp_path / "there")


def test_what_is_no_zip_file_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"PK\x03\x04 nearly")
    with pytest.raises(Broken, match="no zip file"):
        unpack(tmp_path / "it.zip", tmp_path / "there")


def test_documents_differ_by_path_and_not_in_the_last_digits_of_a_sum() -> None:
    first = {"pgr": 0.1 + 0.2, "seeds": [0, 1], "state": "ok", "gap": None, "flag": True}
    assert differences(first, first | {"pgr": 0.3}) == []
    assert differences(first, first | {"pgr": 0.31, "seeds": [0, 2], "flag": 1}) == [
        "result.pgr says 0.30000000000000004, and the predictions give 0.31.",
        "result.seeds.1 says 1, and the predictions give 2.",
    ]
    assert differences(first, first | {"gap": 0.0})
    assert differences({"a": [1]}, {"a": [1, 2]})


def test_a_file_that_was_damaged_on_the_way_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "archive.json").write_text("{}" * 5000)
    seal(folder)
    pack(folder, tmp_path / "it.zip")
    whole = (tmp_path / "it.zip").read_bytes()
    begin = whole.index(b"archive.json") + len("archive.json") + 20  # behind the name and the sizes of the first file
    for at in range(begin, begin + 20):
        (tmp_path / "it.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(Broken):
            unpack(tmp_path / "it.zip", tmp_path / f"there-{at}")


def test_checksums_that_are_no_text_are_none(folder: Path) -> None:
    (folder / CHECKSUMS).write_bytes(b"\xff\xfe")
    with pytest.raises(Broken, match="can be read"):
        verify(folder)
