"""A small data set of clear-cut reviews, runs on it, and a store that already has its features."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factories.hub_server import HubServer, hub_server
from tests.factories.models import make_model
from tests.factories.runs import finish, make_run
from training import Store, catalog

ROWS = 400


@pytest.fixture(scope="session", autouse=True)
def clear_reviews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Registers the data set "clear-reviews": the reviews that raters felt most strongly about."""
    table = pq.read_table(catalog.dataset("movie-reviews").path)
    strongest = np.argsort(-np.abs(table["rating"].to_numpy()), kind="stable")[:ROWS]
    path = tmp_path_factory.mktemp("data") / "clear.parquet"
    pq.write_table(table.take(np.sort(strongest)), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = replace(catalog.dataset("movie-reviews"), name="clear-reviews", path=path, rows=ROWS, digest=digest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalog.DATASETS, entry.name, entry)
        yield


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, clear_reviews: None) -> dict[str, Path]:
    """Folders of tiny models by architecture; whoever changes one makes a copy."""
    root = tmp_path_factory.mktemp("models")
    return {architecture: make_model(root / architecture, architecture) for architecture in ("llama", "gpt2", "bert")}


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory, clear_reviews: None) -> Path:
    """A folder with the features of minilm-l1 for the small data set."""
    store = Store(tmp_path_factory.mktemp("features"))
    finish(make_run("ceiling", epochs=1), store)
    return store.features


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on loopback, with which the Hub's own client talks in this process. Its cache is empty."""
    from huggingface_hub import constants

    with hub_server() as server:
        for module, name, value in (
            (constants, "ENDPOINT", server.url),
            (constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"),
            (constants, "HF_HUB_CACHE", str(tmp_path / "hub")),
            (constants, "HF_HUB_OFFLINE", False),
        ):
            monkeypatch.setattr(module, name, value)
        monkeypatch.setattr(catalog.hub, "_answers", {})
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield server


@pytest.fixture
def store(tmp_path: Path, features: Path) -> Store:
    """An empty store, but for the features."""
    store = Store(tmp_path / "store")
    store.root.mkdir()
    store.features.symlink_to(features)
    return store


@pytest.fixture
def dataset_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty shelf of data sets."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("DATASETS_DIR", str(folder))
    return folder
