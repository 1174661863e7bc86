from collections.abc import Iterator

import pytest

from webapp.jobs.shutdown import shutting_down


@pytest.fixture
def shutdown() -> Iterator[None]:
    """A worker that shuts down."""
    shutting_down.set()
    yield
    shutting_down.clear()
