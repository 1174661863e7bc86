import math
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from training import events
from training.events import EVENT, EvaluationLogged, MetricLogged, RunStarted, nonfinite, valid_measurements


@pytest.mark.parametrize(
    "event",
    [
        RunStarted(total_steps=3, device="cpu", versions={"torch": "2"}),
        MetricLogged(step=1, loss=0.5, lr=0.1),
        MetricLogged(step=1, loss=None, nonfinite="-inf", lr=0.1),
        EvaluationLogged(step=1, accuracy=0.5),
    ],
    ids=lambda event: event.kind,
)
def test_an_event_reads_back_from_its_line_as_itself(event: events.Event) -> None:
    assert EVENT.validate_json(event.model_dump_json()) == event


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    kinds = [member.model_fields["kind"].default for member in get_args(get_args(events.Event)[0])]
    assert len(set(kinds)) == len(kinds)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_json('{"kind": "dreamt"}')


def test_a_number_that_is_none_never_enters_the_record() -> None:
    with pytest.raises(ValidationError):
        MetricLogged(step=1, loss=float("nan"), lr=0.1)


def test_a_value_that_is_not_finite_has_a_name() -> None:
    assert [nonfinite(value) for value in (math.nan, -math.nan, math.inf, -math.inf)] == ["nan", "nan", "inf", "-inf"]
    assert [nonfinite(value) for value in (0.0, -1e308)] == [None, None]


def test_a_metric_of_an_earlier_version_says_nothing_of_values_that_are_not_finite() -> None:
    assert EVENT.validate_json('{"kind": "metric", "step": 1, "loss": null, "lr": 0.1}') == MetricLogged(
        step=1, loss=None, lr=0.1
    )


def test_what_an_attempt_told_after_the_checkpoint_of_the_next_is_void() -> None:
    def metric(step: int, loss: float) -> dict[str, Any]:
        return {"kind": "metric", "step": step, "loss": loss}

    begun, again = ({"kind": "started", "resumed_from": step} for step in (0, 10))
    events: list[dict[str, Any]] = [
        begun,
        metric(10, 0.7),
        metric(20, 0.6),
        {"kind": "checkpoint", "step": 10},
        again,
        metric(20, 0.5),
    ]
    assert valid_measurements(events) == [metric(10, 0.7), metric(20, 0.5)]
