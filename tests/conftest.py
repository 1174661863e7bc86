"""A real broker for the tests that ask for one. The data folder is that of settings.py."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from django.conf import settings

from webapp import broker as embedded

# Several test processes share the cores: on two threads each, the tiny models of two mostly wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """A real Redis-protocol server on a socket in the data folder."""
    process = subprocess.Popen(embedded.command(settings.DATA_DIR), stdout=subprocess.DEVNULL)
    embedded.wait(settings.DATA_DIR, process)
    yield settings.REDIS_URL
    process.terminate()
    process.wait()
