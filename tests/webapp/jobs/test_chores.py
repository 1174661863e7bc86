"""The tasks of the light worker."""

import pytest

from webapp.imports.models import Import
from webapp.jobs import chores


def test_a_surplus_call_finds_nothing_to_do(db: None) -> None:
    chores.work()
    assert not Import.objects.exists()


def test_examples_that_cannot_be_prepared_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    chores.prepare(10**9)
    assert "the examples of experiment 1000000000" in caplog.text
