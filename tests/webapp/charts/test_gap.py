"""The gap bar shows a PGR only where there is one, always with its interval."""

import pytest

from tests.factories.result_groups import colours, group, incomplete, strings, values
from training.metrics.agreement import State
from training.metrics.intervals import Estimate
from webapp.charts.gap import gap_chart, whisker

TITLES = ["Naive", "Confidence loss"]


def both(**options: object) -> dict[str, object]:
    spec = gap_chart([group(**options), group("confidence", 1, student=0.73, **options)], TITLES)  # type: ignore[arg-type]
    assert spec is not None
    return spec


def test_every_method_shows_pgr_with_its_interval() -> None:
    texts = strings(both())
    assert {"Naive", "Confidence loss"} <= set(texts)
    assert any(text == "PGR .38  [.28, .48]" for text in texts)
    assert any(text == "PGR .54  [.44, .64]" for text in texts)


def test_both_ends_show_accuracy_with_its_interval() -> None:
    texts = strings(both())
    assert ".660 [.645, .675]" in texts
    assert ".790 [.775, .805]" in texts


def test_the_point_stands_at_the_students_accuracy_on_the_axis() -> None:
    spec = both()
    ticks = [row["x"] for row in values(spec, "x", "y", "y2") if row["y2"] - row["y"] == 30]
    assert ticks == pytest.approx([0.71, 0.73])


@pytest.mark.parametrize("state", ["unresolved", "inverted", "saturated"])
def test_what_is_not_ok_has_no_point_and_no_pgr(state: State) -> None:
    spec = both(state=state)
    assert not [row for row in values(spec, "x", "y", "y2") if row["y2"] - row["y"] == 30]
    assert not [text for text in strings(spec) if text.startswith("PGR")]
    assert any(text.startswith("accuracy .710 [.695, .725]") for text in strings(spec))


def test_only_unresolved_is_open_to_both_sides() -> None:
    assert strings(both(state="unresolved")).count("triangle-left") == 2
    assert strings(both(state="unresolved")).count("triangle-right") == 2
    assert not [text for text in strings(both(state="inverted")) if "triangle" in text]


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    spec = gap_chart([group(pgr=Estimate(value=0.4, low=-0.1, high=9.0))], ["Naive"])
    assert strings(spec).count("triangle-right") == 1
    assert strings(spec).count("triangle-left") == 0


def test_a_loss_is_hollow() -> None:
    spec = gap_chart([group(student=0.62)], ["Naive"])
    assert spec is not None
    assert [layer["mark"] for layer in spec["layer"] if layer["mark"].get("fill") == "var(--bg)"]


def test_a_provisional_result_says_on_how_many_seeds_it_stands() -> None:
    assert any("3 of 5 seeds" in text for text in strings(both(missing=(3, 4))))


def test_a_method_without_a_complete_seed_has_no_row() -> None:
    spec = gap_chart([group(), incomplete("confidence", 1)], TITLES)
    assert spec is not None
    assert "Confidence loss" not in strings(spec)
    assert gap_chart([incomplete()], ["Naive"]) is None


def test_colours_are_tokens_only() -> None:
    names = colours(both())
    assert names
    assert all(colour.startswith("var(--") for colour in names)
    assert {"var(--weak)", "var(--strong)", "var(--naive)", "var(--conf)"} <= names


def test_the_description_says_in_words_what_is_drawn() -> None:
    assert "Naive: accuracy .710, PGR .38 [.28, .48]" in str(both()["description"])


def test_a_whisker_changes_colour_where_the_fill_ends() -> None:
    assert whisker(0.2, 0.6, (0.0, 0.4)) == [(0.2, 0.4, "var(--bg)"), (0.4, 0.6, "var(--ink)")]
    assert whisker(-0.2, 0.2, (0.0, 0.4)) == [(-0.2, 0.0, "var(--ink)"), (0.0, 0.2, "var(--bg)")]
    assert whisker(0.2, 0.3, (0.1, 0.1)) == [(0.2, 0.3, "var(--ink)")]
