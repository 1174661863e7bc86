"""Drawings for rows: one mark per result, with arrows for an unresolved one, as plain XML without script or colour."""

import re
from xml.etree.ElementTree import Element, fromstring

import pytest

from tests.factories.result_groups import accuracy, group, incomplete
from training.metrics.agreement import State
from training.metrics.intervals import Estimate
from webapp.charts.styles import WEAK
from webapp.charts.svg import accuracies, accuracy_axis, accuracy_range, accuracy_row, pgr_axis, pgr_row, ticks


def marks(image: str, name: str) -> list[Element]:
    return [element for element in fromstring(image).iter() if name in element.get("class", "").split() or element.tag == name]


def test_every_ok_method_has_a_dot_and_a_whisker() -> None:
    image = pgr_row([group(), group("confidence", 1)])
    assert len(marks(image, "circle")) == len(marks(image, "whisker")) == 2
    assert [mark.get("class") for mark in marks(image, "mark")] == ["mark naive", "mark conf"]


def test_the_picture_is_as_high_as_its_methods_need_and_names_each_of_them() -> None:
    """Marks of ten methods overlapped the rows above and below before."""
    for number in range(1, 13):
        picture = fromstring(pgr_row([group(index=index) for index in range(number)]))
        height = float(picture.get("height", "0"))
        places = [
            float(line.get("d", "").split()[1].partition("H")[0]) for line in picture.iter() if line.get("class") == "whisker"
        ]
        assert len(places) == number
        assert all(4 <= place <= height - 4 for place in places)
        assert [title.text for title in picture.iter("title")] == ["naive: PGR .38 [.28, .48]"] * number


def test_unresolved_has_no_dot_and_two_arrows() -> None:
    image = pgr_row([group(state="unresolved")])
    assert not marks(image, "circle")
    assert len(marks(image, "arrow")) == 2


@pytest.mark.parametrize("state", ["inverted", "saturated"])
def test_an_undefined_pgr_leaves_the_axis_empty(state: State) -> None:
    image = pgr_row([group(state=state)])
    assert not marks(image, "circle") + marks(image, "whisker")
    assert state in image


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    image = pgr_row([group(pgr=Estimate(value=0.5, low=-2, high=0.9))])
    assert len(marks(image, "arrow")) == 1
    assert len(marks(image, "circle")) == 1


def test_a_result_all_beyond_the_axis_is_an_arrow_without_a_dot() -> None:
    image = pgr_row([group(pgr=Estimate(value=2.5, low=2, high=3))])
    assert len(marks(image, "arrow")) == 1
    assert not marks(image, "circle")
    (line,) = (mark.get("d", "") for mark in marks(image, "whisker"))
    assert 0 < float(re.findall(r"[\d.]+", line)[0]) < float(re.findall(r"[\d.]+", line)[2]) <= 180


def test_provisional_results_are_pale_and_incomplete_ones_absent() -> None:
    image = pgr_row([group(missing=(3,)), incomplete("confidence", 1)])
    assert [mark.get("class") for mark in marks(image, "mark")] == ["mark naive provisional"]
    assert "no result yet" in pgr_row([incomplete()])


def test_an_accuracy_row_has_mean_interval_and_every_seed() -> None:
    image = accuracy_row(accuracy(0.7), WEAK, 0.6, 0.8)
    assert len(marks(image, "mean")) == len(marks(image, "whisker")) == 1
    assert len(marks(image, "seed")) == 3
    assert ".700 [.685, .715]" in image


def test_rows_of_a_pair_share_an_axis_that_holds_them_all() -> None:
    groups = [group(), group("confidence", 1, student=0.9)]
    rows = list(accuracies(groups))
    assert [style.token for _, style in rows] == ["weak", "naive", "conf", "strong"]
    low, high = accuracy_range(groups)
    assert all(low < (row.low or 0) < (row.high or 1) < high for row, _ in rows)
    assert accuracy_range([incomplete()]) != (0, 0)


@pytest.mark.parametrize(("low", "high"), [(0.64, 0.70), (0.6, 0.9), (0.0, 1.0), (0.701, 0.733)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    numbers = ticks(low, high)
    assert 2 <= len(numbers) <= 6
    assert all(low <= tick <= high for tick in numbers)


def test_colours_come_from_classes_and_there_is_no_script() -> None:
    images = [pgr_row([group()]), pgr_axis(), accuracy_row(accuracy(0.7), WEAK, 0.6, 0.8), accuracy_axis(0.6, 0.8)]
    for image in images:
        assert not re.search(r"#[0-9a-f]{3}|style=|fill=|stroke=|<script", image)
        assert len(image) < 2500
