"""A real broker, and a whole laboratory, for the tests that ask for one. The broker's data folder is that of settings.py.

Under tests/servers.py only those tests run that can differ there: the ones that have the database, the broker, or a reason to be
run again, which the marker ``servers`` states; and none that the marker ``embedded`` gives a reason to leave out.
"""

import gc
import os
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from django.conf import settings

from tests.databases import INSTALLED, Postgres
from tests.factories.object_storage import ObjectStorage, object_storage
from tests.lab import Lab
from training.storage import shared_files
from webapp import broker as embedded

# Several test processes share the cores: on two threads each, the tiny models of two mostly wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same numbers on every machine: measured, auto would be bf16 where that is faster.
os.environ.setdefault("W2S_CPU_PRECISION", "fp32")


ON_SERVERS = bool(settings.ARTIFACTS_URL)
DIFFERING = {"db", "transactional_db", "broker"}
"""Fixtures of the tests that can differ on other servers; pytest-django refuses the database to all others."""


def differs(item: pytest.Item) -> bool:
    """Return whether the test can differ on servers, and has a meaning there."""
    if item.get_closest_marker("embedded"):
        return False
    marked = item.get_closest_marker("django_db") or item.get_closest_marker("servers")
    return bool(marked) or not DIFFERING.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if ON_SERVERS:
        config.hook.pytest_deselected(items=[item for item in items if not differs(item)])
        items[:] = filter(differs, items)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of garbage collections, which each trained run makes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def modules_that_a_test_loads() -> Iterator[None]:
    """Leave them out too, which by the end of all tests take as long as a short training."""
    yield
    if len(gc.get_objects()) > 50_000:
        gc.collect()
        gc.freeze()


_stores = count(1)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """On servers, give each test an empty folder of the bucket, since the keys of runs are the same in every test."""
    if ON_SERVERS:
        url = f"{settings.ARTIFACTS_URL}/{next(_stores)}"
        monkeypatch.setattr(settings, "ARTIFACTS_URL", url)
        monkeypatch.setenv("ARTIFACTS_URL", url)
        monkeypatch.setattr(shared_files, "_compared", {})


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """A real Redis-protocol server on a socket in the data folder, or the one on TCP of tests/servers.py."""
    if not settings.REDIS_EMBEDDED:
        yield settings.REDIS_URL
        return
    process = subprocess.Popen(embedded.command(settings.DATA_DIR), stdout=subprocess.DEVNULL)
    embedded.wait(settings.DATA_DIR, process)
    yield settings.REDIS_URL
    process.terminate()
    process.wait()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of its own."""
    if not INSTALLED:
        pytest.skip("no PostgreSQL server on this machine; tests/install-system-packages installs one where it may")
    # Not in a folder of pytest's, which every session of pytest closes to the account of the server.
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def storage_server() -> Iterator[ObjectStorage]:
    """A real S3-protocol server, to which the AWS_ variables of this process lead."""
    with object_storage() as server:
        yield server


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        assert lab.jar, "log in while the link of the start is valid"
        yield lab


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """A laboratory in which nothing is at work. Tests share it, since it takes longer to start than most of them last."""
    yield shared_lab
    shared_lab.rest()
