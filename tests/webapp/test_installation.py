"""The folder of an installation is closed to other accounts, and its key survives a killed start."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import ROOT
from training.environment import SettingError
from webapp.installation import protect, secret_key


def modes(folder: Path) -> set[str]:
    return {oct(stat.S_IMODE(path.lstat().st_mode)) for path in folder.rglob("*") if not path.is_symlink()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An installation of an earlier version."""
    data_dir = tmp_path / "lab"
    (data_dir / "logs" / "runs").mkdir(parents=True)
    for name in ("lab.sqlite3", "logs/web.log", "logs/runs/one.log"):
        (data_dir / name).touch()
        (data_dir / name).chmod(0o644)
    for folder in (data_dir, data_dir / "logs", data_dir / "logs" / "runs"):
        folder.chmod(0o755)
    (tmp_path / "elsewhere").write_text("not ours to close")
    (tmp_path / "elsewhere").chmod(0o644)
    (data_dir / "link").symlink_to(tmp_path / "elsewhere")
    return data_dir


def test_a_new_data_folder_is_for_its_account_alone(tmp_path: Path) -> None:
    protect(tmp_path / "new" / "lab")
    assert stat.S_IMODE((tmp_path / "new" / "lab").stat().st_mode) == 0o700


def test_an_existing_installation_is_closed_when_it_starts_and_links_out_of_it_are_left(old: Path) -> None:
    protect(old)
    assert stat.S_IMODE(old.stat().st_mode) == 0o700
    assert modes(old) == {"0o700", "0o600"}
    assert stat.S_IMODE((old.parent / "elsewhere").stat().st_mode) == 0o644


def test_a_group_that_is_named_may_read_and_write_all_and_nobody_else(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = next((gid for gid in os.getgroups() if gid != os.getgid()), os.getgid())
    monkeypatch.setenv("DATA_GROUP", str(group))
    protect(old)
    assert stat.S_IMODE(old.stat().st_mode) == 0o2770
    assert modes(old) == {"0o2770", "0o660"}
    assert {path.lstat().st_gid for path in (old, *old.rglob("*")) if not path.is_symlink()} == {group}
    before = os.umask(0o007)
    try:
        (old / "logs" / "new.log").touch()
    finally:
        os.umask(before)
    assert (old / "logs" / "new.log").stat().st_gid == group


def test_a_folder_of_all_accounts_is_refused_and_not_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(SettingError, match="a folder of all accounts: name a folder inside it"):
        protect(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


@pytest.mark.parametrize("left", ["", "\n", "\0\0\0\0"])
def test_an_empty_secret_key_of_a_killed_start_is_made_anew(tmp_path: Path, left: str) -> None:
    (tmp_path / "secret-key").write_text(left)
    key = secret_key(tmp_path)
    assert len(key) > 50
    assert secret_key(tmp_path) == key == (tmp_path / "secret-key").read_text()


def test_a_key_that_is_there_is_used_to_the_letter(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("kept by hand\n")
    assert secret_key(tmp_path) == "kept by hand\n"


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from webapp.installation import secret_key; print(secret_key(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1
