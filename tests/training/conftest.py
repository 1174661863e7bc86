"""A small data set of clear-cut reviews, runs on it, and a store that already has its features."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.tiny import make_model
from training import Event, ExperimentSpec, Plan, RunSpec, Store, catalog, execute, make_plan

ROWS = 400


@dataclass
class Recording:
    """The events of an attempt, and a stop after the first of one kind."""

    events: list[Event] = field(default_factory=list)
    stop_after: Callable[[Event], bool] = lambda event: False
    stop: bool = False

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.stop = self.stop or self.stop_after(event)

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.kind == kind]


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


def make_run(role: str = "weak", **changes: Any) -> RunSpec:
    """A supervisor, student or ceiling on the small data set, with any field of the run changed."""
    spec = ExperimentSpec.model_validate(
        {
            "data": {"name": "clear-reviews"},
            "weak": {"models": ["bag-of-words"]},
            "strong": {"models": ["minilm-l1"], "epochs": 4, "batch_size": 16},
            "seeds": 1,
        }
    )
    plan = make_plan(spec)
    return plan.runs[getattr(plan.triplets[0], role)].model_copy(update=changes)


def finish(run: RunSpec, store: Store) -> Recording:
    recording = Recording()
    execute(run, store, recording.emit, lambda: False)
    return recording


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, clear_reviews: None) -> dict[str, Path]:
    """Folders of tiny models by architecture; whoever changes one makes a copy."""
    root = tmp_path_factory.mktemp("models")
    return {architecture: make_model(root / architecture, architecture) for architecture in ("llama", "gpt2", "bert")}


def plan_with(weak: str, strong: str, **training: Any) -> Plan:
    """One triplet on few rows, with the same settings for both roles."""
    settings = {"epochs": 2, "batch_size": 8, "max_tokens": 24, "lr": 1e-3} | training
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "clear-reviews", "limit": 64},
                "weak": {"models": [weak]} | settings,
                "strong": {"models": [strong]} | settings,
                "methods": [{"kind": "naive"}],
                "seeds": 1,
            }
        )
    )


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory, clear_reviews: None) -> Path:
    """A folder with the features of minilm-l1 for the small data set."""
    store = Store(tmp_path_factory.mktemp("features"))
    finish(make_run("ceiling", epochs=1), store)
    return store.features


@pytest.fixture
def store(tmp_path: Path, features: Path) -> Store:
    """An empty store, but for the features."""
    store = Store(tmp_path / "store")
    store.root.mkdir()
    store.features.symlink_to(features)
    return store
