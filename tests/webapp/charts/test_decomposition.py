"""Corrections and new errors of each method, and their difference with its interval."""

import pytest

from tests.factories.result_groups import colours, group, incomplete, values
from training.metrics.intervals import Estimate
from webapp.charts.decomposition import decomposition_chart

TITLES = ["Naive", "Confidence loss"]


def test_each_method_has_a_row_with_bars_that_sum_to_the_net() -> None:
    spec = decomposition_chart([group(), group("confidence", 1, student=0.73)], TITLES)
    assert spec is not None
    rows = values(spec, "corrected", "lost", "net")
    assert [row["title"] for row in rows] == TITLES
    for row in rows:
        assert row["corrected"] + row["lost"] == pytest.approx(row["net"])
        assert row["low"] < row["net"] < row["high"]
        assert row["net_label"].count("[") == 1


@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.4), (-0.01, 0.01), (0.02, 0.3), (-0.3, -0.02), (None, None)])
def test_the_label_of_a_bar_stands_beyond_the_interval_that_would_strike_it_through(low: float, high: float) -> None:
    net = Estimate(value=0.05, low=low, high=high)
    spec = decomposition_chart([group().model_copy(update={"gain": net})], ["Naive"])
    assert spec is not None
    [row] = values(spec, "corrected", "lost", "net")
    assert row["left"] <= min(row["lost"], row["low"])
    assert row["right"] >= max(row["corrected"], row["high"])
    places = {layer["encoding"]["x"]["field"] for layer in spec["layer"] if "_label" in str(layer["mark"].get("text"))}
    assert places == {"left", "right"}


def test_a_gain_is_filled_and_a_loss_is_hollow() -> None:
    spec = decomposition_chart([group()], ["Naive"])
    assert spec is not None
    bars = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rect"]
    assert [bar["mark"].get("fill") for bar in bars] == [None, "var(--bg)"]


def test_colours_are_tokens_only() -> None:
    names = colours(decomposition_chart([group(), group("confidence", 1)], TITLES))
    assert {"var(--naive)", "var(--conf)"} <= names
    assert all(colour.startswith("var(--") for colour in names)


def test_without_a_complete_seed_there_is_nothing_to_draw() -> None:
    assert decomposition_chart([incomplete()], ["Naive"]) is None
