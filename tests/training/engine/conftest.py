"""A store that tests of methods share."""

from typing import Any

import pytest

from training import Store


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, features: Any) -> Store:
    """A store where supervisors and ceilings are trained once for all methods."""
    store = Store(tmp_path_factory.mktemp("methods"))
    store.features.symlink_to(features)
    return store
