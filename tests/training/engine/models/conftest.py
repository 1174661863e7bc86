"""A model on a Hub on loopback."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.hub_repositories import files_in
from tests.factories.hub_server import HubServer
from tests.factories.runs import make_run
from training import RunSpec


@pytest.fixture
def run_of(hub: HubServer, models: dict[str, Path]) -> Callable[..., RunSpec]:
    """A function that publishes files, or the tiny llama, as a/b and returns a run of their commit."""

    def publish(changes: dict[str, bytes] | None = None, without: str = "") -> RunSpec:
        files = {name: content for name, content in files_in(models["llama"]).items() if name != without}
        commit = hub.model("a/b").commit(files | (changes or {}))
        return make_run("ceiling", model="hub:a/b", digest=commit, adaptation="full")

    return publish
