"""Two processes that train one run write its answers together."""

from pathlib import Path

import numpy as np

from tests.factories.process_groups import attempt
from tests.factories.runs import finish
from tests.factories.written import writing_plan
from training import Store


def test_two_processes_write_what_one_writes(writers: dict[str, Path], tmp_path: Path) -> None:
    plan = writing_plan(writers["weak"], writers["strong"], epochs=6)
    run = plan.runs[plan.triplets[0].weak]
    alone, together = Store(tmp_path / "alone"), Store(tmp_path / "together")
    finish(run, alone)
    assert attempt(run, together).of("finished")
    first, second = alone.read_answers(run.key()), together.read_answers(run.key())
    np.testing.assert_array_equal(first.id, second.id)
    same = first.text == second.text  # but for near ties, which sums in another order decide
    assert same.mean() > 0.95
    np.testing.assert_allclose(first.log_probability[same], second.log_probability[same], atol=1e-2)
