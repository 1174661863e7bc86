"""A backup is restored into an empty installation, and refused with a sentence where that cannot be."""

import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.factories import backups
from tests.lab import Lab
from webapp.backups.contents import ABOUT, CHECKSUMS, NotRestorable
from webapp.backups.unpacking import unpack

ACCOUNT = """
from django.contrib.auth.models import User
User.objects.create_superuser("ada", password="enchantress")
"""
OLDER = "0013"
"""A migration of experiments from which a backup is brought to this version."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """An installation with two accounts and an uploaded file, which does not run."""
    lab = Lab(tmp_path_factory.mktemp("backup") / "lab")
    lab.data_dir.mkdir()
    lab.prepare()
    lab.manage("shell", "-c", ACCOUNT)
    for number in (7, 9):
        (lab.data_dir / "uploads" / str(number)).mkdir()
        (lab.data_dir / "uploads" / str(number) / "upload.csv").write_text("text,label\n" * 10_000)
    return lab


@pytest.fixture(scope="module")
def backup(lab: Lab) -> Path:
    path = lab.data_dir.with_name("backup.zip")
    lab.manage("backup", str(path))
    return path


def rows(data_dir: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data_dir / "lab.sqlite3")) as database:
        return database.execute(query).fetchall()


def test_an_empty_installation_becomes_the_one_that_was_backed_up_and_a_second_restore_is_refused(
    lab: Lab, backup: Path, tmp_path: Path
) -> None:
    other = Lab(tmp_path / "other")
    assert "Restored as of" in other.manage("restore", str(backup))
    accounts = "select id, username, password, date_joined from auth_user"
    assert rows(other.data_dir, accounts) == rows(lab.data_dir, accounts)
    for name in ("secret-key", "uploads/7/upload.csv"):
        assert (other.data_dir / name).read_bytes() == (lab.data_dir / name).read_bytes()
    assert (
        other.refusal("restore", str(backup))
        == "CommandError: The database is not empty: restore into a new one. Nothing was changed."
    )
    (other.data_dir / "lab.sqlite3").unlink()
    assert "uploads is not empty" in other.refusal("restore", str(backup))


def test_a_backup_of_an_older_version_is_brought_to_this_one(backup: Path, tmp_path: Path) -> None:
    old = Lab(tmp_path / "old")
    old.manage("migrate", "experiments", OLDER)
    old.manage("backup", str(tmp_path / "old.zip"))
    had, has = (json.loads(backups.about(path))["migrations"] for path in (tmp_path / "old.zip", backup))
    assert len(had) < len(has)
    new = Lab(tmp_path / "new")
    new.manage("restore", str(tmp_path / "old.zip"))
    assert "[ ]" not in new.manage("showmigrations")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_backup_that_is_cut_off_leaves_nothing_behind(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(backup.read_bytes())
    cut(tmp_path / "cut.zip")
    other = Lab(tmp_path / "other")
    assert "damaged or cut off" in other.refusal("restore", str(tmp_path / "cut.zip"))
    assert {path.name for path in other.data_dir.iterdir()} <= {"secret-key", "uploads", "up.lock"}
    assert list((other.data_dir / "uploads").iterdir()) == []


def test_a_restore_that_fails_at_its_second_upload_leaves_nothing_in_the_store_either(backup: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    blocking = store / "uploads" / "9" / "upload.csv"
    blocking.mkdir(parents=True)
    other = Lab(tmp_path / "other", ARTIFACTS_URL=store.as_uri())

    refusal = other.refusal("restore", str(backup))

    assert refusal.startswith(f"CommandError: The store {store.as_uri()} cannot be reached: ")
    assert refusal.endswith("Files of the backup may be left there: delete them before the next restore.")
    assert [path for path in store.rglob("*") if path.is_file()] == []
    assert not (other.data_dir / "lab.sqlite3").exists()
    blocking.rmdir()
    assert "Restored as of" in other.manage("restore", str(backup))
    assert {path.parent.name for path in store.rglob("upload.csv")} == {"7", "9"}


def flipped(path: Path) -> None:
    """Change one bit of the uploaded file."""
    with zipfile.ZipFile(path) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    contents["uploads/7/upload.csv"] = b"T" + contents["uploads/7/upload.csv"][1:]
    backups.packed(path, contents)


def shortened(path: Path) -> None:
    """Leave out a file."""
    with zipfile.ZipFile(path) as packed:
        contents = {name: packed.read(name) for name in packed.namelist() if not name.startswith("uploads/")}
    backups.packed(path, contents)


def extended(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("uploads/8/upload.csv", "smuggled")


def escaping(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("uploads/../../evil", "smuggled")


def overwritten(path: Path) -> None:
    """Change bytes in the middle, where the compressed data are."""
    content = bytearray(path.read_bytes())
    middle = content.index(b"uploads/7/upload.csv") + 40
    content[middle : middle + 8] = bytes(8)
    path.write_bytes(content)


def without_checksums(path: Path) -> None:
    with zipfile.ZipFile(path) as packed:
        contents = {name: packed.read(name) for name in packed.namelist() if name != CHECKSUMS}
    backups.packed(path, contents)


def about(**changes: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        backups.changed(path, path, **{ABOUT: lambda text: json.dumps(json.loads(text) | changes)})

    return change


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut, "damaged or cut off"),
        (lambda path: path.write_text("no zip"), "This is no backup"),
        (lambda path: path.unlink(), "There is no file"),
        (overwritten, "damaged"),
        (flipped, "uploads/7/upload.csv is not what was written"),
        (shortened, "uploads/7/upload.csv is missing"),
        (extended, "uploads/8/upload.csv is not what was written"),
        (escaping, "A backup has no file 'uploads/../../evil'"),
        (without_checksums, f"it has no {CHECKSUMS}"),
        (about(engine=10**6), "of a newer version of the laboratory (engine 1000000): update"),
        (about(migrations=[["experiments", "0999_wonders"]]), "(migration 0999_wonders of experiments): update"),
        (about(format=2), "of a newer version"),
        (about(migrations="all"), f"{ABOUT} cannot be read"),
    ],
)
def test_a_backup_that_is_not_what_was_written_or_is_newer_is_refused(
    backup: Path, tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    (tmp_path / "other.zip").write_bytes(backup.read_bytes())
    damage(tmp_path / "other.zip")
    (tmp_path / "place").mkdir()
    with pytest.raises(NotRestorable) as refused:
        unpack(tmp_path / "other.zip", tmp_path / "place")
    assert sentence in str(refused.value)


def test_a_whole_backup_is_unpacked(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    assert unpack(backup, tmp_path / "place").rows["auth.user"] == 2
