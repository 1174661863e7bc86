"""Runs that one process has trained, for comparison with several processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.process_groups import RUNS, Attempt
from tests.factories.runs import finish, make_run
from training import RunSpec, Store


@pytest.fixture(scope="session")
def expected(
    models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[RunSpec, Store, Attempt]]:
    """A run of ``RUNS`` as one process trains it, and a store with its supervisor."""
    store, outcomes = Store(tmp_path_factory.mktemp("alone")), dict[str, tuple[RunSpec, Store, Attempt]]()
    finish(make_run(), store)

    def train(name: str) -> tuple[RunSpec, Store, Attempt]:
        if name not in outcomes:
            run = RUNS[name](models)
            outcomes[name] = run, store, Attempt(list(finish(run, store).events))
        return outcomes[name]

    return train
