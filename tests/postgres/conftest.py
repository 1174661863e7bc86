"""A PostgreSQL server of its own for each test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import INSTALLED, Postgres


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    if not INSTALLED:
        pytest.skip("no PostgreSQL server on this machine; tests/install-system-packages installs one where it may")
    # Not in a folder of pytest's, which every session of pytest closes to the account of the server.
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()
