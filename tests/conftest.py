"""A real broker for the tests that ask for one. The data folder is that of settings.py."""

import subprocess
from collections.abc import Iterator

import pytest
from django.conf import settings

from webapp import broker as embedded


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """A real Redis-protocol server on a socket in the data folder."""
    process = subprocess.Popen(embedded.command(settings.DATA_DIR), stdout=subprocess.DEVNULL)
    embedded.wait(settings.DATA_DIR, process)
    yield settings.REDIS_URL
    process.terminate()
    process.wait()
