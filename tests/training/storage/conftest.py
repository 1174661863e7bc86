"""Two machines that share a store, each with copies in a folder of its own."""

from pathlib import Path

import pytest

from training.storage.artifacts import Store
from training.storage.remote import FolderRemote, Remote


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The folder that both machines mount."""
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


@pytest.fixture
def remote(shared: Path) -> Remote:
    return FolderRemote(shared.as_uri())


@pytest.fixture
def first(tmp_path: Path, remote: Remote) -> Store:
    return Store(tmp_path / "first", remote)


@pytest.fixture
def second(tmp_path: Path, remote: Remote) -> Store:
    return Store(tmp_path / "second", remote)
