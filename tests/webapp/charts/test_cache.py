"""Charts are made once for the same data, and never shown for other data."""

from typing import Any

import pytest

from tests.factories.result_groups import estimate, group, strings
from training.metrics.intervals import Estimate
from webapp.charts import cache
from webapp.charts.cache import CHARTS, cached
from webapp.charts.gap import gap_chart
from webapp.charts.live import Series, live_chart


@pytest.fixture(autouse=True)
def empty() -> None:
    CHARTS.clear()


def test_the_same_data_are_drawn_once_and_every_caller_has_a_copy() -> None:
    made: list[int] = []

    @cached
    def chart(interval: Estimate) -> dict[str, Any]:
        made.append(1)
        return {"data": {"values": [interval.low]}, "mark": "point"}

    first = chart(estimate(0.5))
    first["data"]["values"].append("spoilt")
    assert chart(estimate(0.5)) == {"data": {"values": [0.49]}, "mark": "point"}
    assert len(made) == 1


def test_a_new_result_is_never_shown_by_an_old_chart() -> None:
    """A changed interval, seed, title or order gives another chart."""
    before = group()
    old = gap_chart([before], ["Naive"])
    changed = [
        gap_chart([before.model_copy(update={"pgr": estimate(0.4, 0.2)})], ["Naive"]),
        gap_chart([before.model_copy(update={"seeds": (0, 1)})], ["Naive"]),
        gap_chart([before], ["Plain"]),
        gap_chart([group("confidence", 1), before], ["Naive", "Plain"]),
        gap_chart([before, group("confidence", 1)], ["Naive", "Plain"]),
    ]
    charts = [str(groups) for groups in (old, *changed)]
    assert len(set(charts)) == len(charts)
    assert gap_chart([before], ["Naive"]) == old


def test_another_chart_of_the_same_data_is_another_entry() -> None:
    series = [Series("run", "student", "Naive", 10)]
    assert live_chart(series, 10) != live_chart(series, 11)
    assert "Naive" in str(strings(live_chart(series, 10)))


def test_what_cannot_be_a_key_is_an_error_and_no_chart_of_something_else() -> None:
    with pytest.raises(TypeError, match="object cannot be part"):
        cache.fingerprint(gap_chart, (object(),), {})
