"""The short form of ``make chaos``."""

from pathlib import Path

import pytest

from tests.chaos import Chaos


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whatever_is_killed_or_frozen_every_run_finishes_once_and_predicts_the_same(tmp_path: Path) -> None:
    chaos = Chaos(tmp_path, seed=7, seeds=2, epochs=80)
    chaos.run(faults=5)
    assert chaos.done
