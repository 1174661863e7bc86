"""Tooltips: name, value, interval and n of a mark."""

from xml.etree.ElementTree import fromstring

from tests.factories.result_groups import estimate, values
from webapp.charts.difficulty import Accuracies, difficulty_chart
from webapp.charts.forest import Difference, forest_chart
from webapp.charts.frontier import Point, frontier_chart
from webapp.charts.histogram import brush_chart
from webapp.charts.styles import WEAK
from webapp.charts.tooltips import counted


def test_n_stands_where_it_is_known_and_nowhere_else() -> None:
    assert [counted(3), counted(1), counted(0), counted(1200, "example")] == [
        "n = 3 seeds",
        "n = 1 seed",
        "",
        "n = 1,200 examples",
    ]


def test_charts_of_several_seeds_say_how_many() -> None:
    charts = [
        difficulty_chart([Accuracies("Weak supervisor", WEAK, [estimate(0.5)], seeds=4)]),
        forest_chart([Difference("#2 Two", "Confidence", WEAK, estimate(0.1), seeds=4)], "naive"),
        frontier_chart([Point("Mixed", WEAK, 10.0, 0.7, 0.6, 0.8, seeds=4)]),
    ]
    for chart in charts:
        (text,) = {row["about"] for row in values(chart, "about")}
        assert text.splitlines()[-1] == "n = 4 seeds"


def test_a_bar_of_a_histogram_says_how_many_of_its_examples_the_view_has() -> None:
    picture = fromstring(brush_chart([40, 0, 7], [12, 0, 7], None, "confidence"))
    titles = [bar.findtext("title") for bar in picture.iter("rect")]
    assert titles == ["12 of 40 examples", "7 of 7 examples", "12 of 40 examples", "7 of 7 examples"]
