"""A cell shows the PGR of a pair with its interval, or a word if the pair has none."""

import pytest

from tests.factories.result_groups import colours, group, incomplete, strings, values
from training.metrics.agreement import State
from webapp.charts.grid import grid_chart
from webapp.charts.styles import KINDS

WEAK = {"bag-of-words": "Bag of words", "minilm-l1": "MiniLM L1"}
STRONG = {"minilm-l4": "MiniLM L4", "minilm-l6": "MiniLM L6"}


def test_a_resolved_pair_shows_its_pgr_with_its_interval() -> None:
    [row] = values(grid_chart([group()], WEAK, STRONG, "Naive", KINDS["naive"]), "weak", "strong")
    assert (row["weak"], row["strong"]) == ("Bag of words", "MiniLM L4")
    assert (row["label"], row["interval"]) == (".38", "[.28, .48]")


@pytest.mark.parametrize("state", ["unresolved", "inverted", "saturated", "incomplete"])
def test_any_other_pair_shows_its_state_and_no_number(state: State) -> None:
    without_pgr = incomplete() if state == "incomplete" else group(state=state)
    spec = grid_chart([without_pgr], WEAK, STRONG, "Naive", KINDS["naive"])
    [row] = values(spec, "weak", "strong")
    assert (row["label"], row["interval"], row["pgr"]) == (state, "", None)
    assert spec["description"] == f"PGR, Naive: Bag of words to MiniLM L4 {state}."


def test_a_number_of_some_seeds_says_so() -> None:
    assert ".38 so far" in strings(grid_chart([group(missing=(3,))], WEAK, STRONG, "Naive", KINDS["naive"]))


def test_every_model_has_its_place_in_the_order_of_the_experiment() -> None:
    spec = grid_chart([group()], WEAK, STRONG, "Naive", KINDS["naive"])
    encoding = spec["layer"][0]["encoding"]
    assert encoding["x"]["scale"]["domain"] == ["MiniLM L4", "MiniLM L6"]
    assert encoding["y"]["scale"]["domain"] == ["Bag of words", "MiniLM L1"]
    assert spec["height"] > grid_chart([group()], {"bag-of-words": "B"}, STRONG, "Naive", KINDS["naive"])["height"]


def test_the_colour_is_that_of_the_method() -> None:
    assert "var(--conf)" in colours(grid_chart([group("confidence")], WEAK, STRONG, "Confidence loss", KINDS["confidence"]))
