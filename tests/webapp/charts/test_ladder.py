"""The ladder shows the students of one supervisor, with intervals, between the supervisor and their ceilings."""

from typing import Any

import pytest

from tests.factories.result_groups import group, incomplete, strings, values
from training.metrics.results import Group
from webapp.charts.ladder import ladder_chart, span_of

STRONG = {"minilm-l4": "MiniLM L4", "minilm-l6": "MiniLM L6"}


def larger(small: Group) -> Group:
    return small.model_copy(update={"strong_model": "minilm-l6"})


def both() -> list[Group]:
    small = [group(), group("confidence", 1, student=0.73)]
    return [*small, larger(group(student=0.74, ceiling=0.82)), larger(group("confidence", 1, student=0.75, ceiling=0.82))]


def drawn(groups: list[Group]) -> dict[str, Any]:
    spec = ladder_chart(groups, "Bag of words", STRONG, ["Naive", "Confidence"], span_of(groups))
    assert spec is not None
    return spec


def test_every_student_and_every_ceiling_has_a_point_with_its_interval() -> None:
    rows = {(row["series"], row["strong"]): row for row in values(drawn(both()), "series", "strong")}
    assert len(rows) == len(values(drawn(both()), "series", "strong")) == 6
    assert rows["m0", "MiniLM L4"]["value"] == 0.71
    assert rows["m1", "MiniLM L6"]["value"] == 0.75
    ceiling = rows["ceiling", "MiniLM L6"]
    assert (ceiling["low"], ceiling["value"], ceiling["high"]) == pytest.approx((0.805, 0.82, 0.835))


def test_the_supervisor_is_the_floor_with_its_interval() -> None:
    [floor] = [row for row in values(drawn(both()), "series") if row["series"] == "weak"]
    assert (floor["low"], floor["value"], floor["high"]) == pytest.approx((0.645, 0.66, 0.675))


def test_every_role_has_its_colour_and_dash() -> None:
    spec = drawn(both())
    assert {"var(--weak)", "var(--naive)", "var(--conf)", "var(--strong)"} <= set(strings(spec))
    scales = [layer["encoding"]["strokeDash"]["scale"] for layer in spec["layer"] if "strokeDash" in layer["encoding"]]
    dashes = [dict(zip(scale["domain"], scale["range"], strict=True)) for scale in scales]
    wanted = {
        name: f"dash(--dash-{token})"
        for name, token in {"weak": "weak", "m0": "naive", "m1": "conf", "ceiling": "strong"}.items()
    }
    assert dashes == [wanted, wanted], "layers share one scale"


def test_a_student_without_a_complete_seed_is_left_out_and_keeps_the_others_colours() -> None:
    spec = drawn([incomplete(), group("confidence", 1)])
    assert {row["series"] for row in values(spec, "series", "strong")} == {"m1", "ceiling"}
    scale = next(layer["encoding"]["stroke"]["scale"] for layer in spec["layer"] if "stroke" in layer["encoding"])
    assert dict(zip(scale["domain"], scale["range"], strict=True))["m1"] == "var(--conf)"


def test_a_supervisor_of_which_nothing_is_known_has_no_chart() -> None:
    assert ladder_chart([incomplete()], "Bag of words", STRONG, ["Naive"], (0, 1)) is None


def test_the_axis_holds_every_interval() -> None:
    low, high = span_of(both())
    assert low < 0.645
    assert high > 0.835


def test_the_description_tells_the_numbers() -> None:
    said = drawn(both())["description"]
    assert said.startswith("Test accuracy taught by Bag of words, supervisor .660.")
    assert "MiniLM L6: Naive .740, ceiling .820, Confidence .750" in said
