"""Few threads, and a store that tests of methods share."""

from collections.abc import Iterator
from typing import Any

import pytest

from training import Store


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
