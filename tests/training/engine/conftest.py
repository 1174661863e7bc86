"""Few threads, a store that tests of methods share, and a made data set of sums with tiny decoders that write answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.written import make_sums, make_writer
from training import Store, catalog


@pytest.fixture(scope="session", autouse=True)
def single_thread() -> Iterator[None]:
    """Train in one thread: for models this small a second one costs more than it saves, and the cores are all in use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("W2S_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, features: Any) -> Store:
    """A store where supervisors and ceilings are trained once for all methods."""
    store = Store(tmp_path_factory.mktemp("methods"))
    store.features.symlink_to(features)
    return store


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Registers the data set "made-sums"."""
    entry = make_sums(tmp_path_factory.mktemp("sums"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalog.DATASETS, entry.name, entry)
        yield


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory, sums: None) -> dict[str, Path]:
    """Folders of tiny decoders of characters; whoever changes one makes a copy."""
    root = tmp_path_factory.mktemp("writers")
    return {
        "weak": make_writer(root / "weak", 16, "gpt2"),
        "strong": make_writer(root / "strong", 32),
    }
