"""An experiment of tiny decoders that write sums, whose runs have finished."""

from pathlib import Path

import pytest

from tests.factories.runs import finish
from tests.factories.written import writing_plan
from training import Plan, Store


@pytest.fixture(scope="session")
def plan(writers: dict[str, Path]) -> Plan:
    """Supervisor, ceiling, and a naive student."""
    return writing_plan(writers["weak"], writers["strong"], epochs=12)


@pytest.fixture(scope="session")
def written(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store in which all runs of ``plan`` have finished."""
    store = Store(tmp_path_factory.mktemp("written"))
    for run in plan.runs.values():
        finish(run, store)
    return store
