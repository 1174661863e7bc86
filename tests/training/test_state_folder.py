"""The folder of all state, in a checkout and where the package is installed."""

import pwd
from pathlib import Path

import pytest

from training import state_folder
from training.environment import SettingError
from training.state_folder import ROOT, data_dir


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_a_checkout_keeps_its_state_in_var() -> None:
    assert data_dir() == ROOT / "var"


def test_a_variable_names_another_folder_for_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "lab"))
    assert data_dir() == tmp_path / "lab"
    monkeypatch.setattr(state_folder, "CHECKOUT", False)
    assert data_dir() == tmp_path / "lab"


def test_an_installed_package_keeps_its_state_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(state_folder, "CHECKOUT", False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_dir().name == "w2s-lab"
    assert tmp_path in data_dir().parents


def test_an_account_without_a_home_folder_has_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(state_folder, "CHECKOUT", False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(SettingError, match="DATA_DIR must name a folder"):
        data_dir()
