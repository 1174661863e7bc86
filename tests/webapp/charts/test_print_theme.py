"""A chart for print contains nothing that only a browser could resolve."""

import json
from typing import Any

import pytest

from tests.factories.result_groups import PAIR, group, strings
from webapp.charts.decomposition import decomposition_chart
from webapp.charts.gap import gap_chart
from webapp.charts.live import live_chart
from webapp.charts.print_theme import WIDTH, on_paper, tokens

GROUPS = [group(), group("confidence", 1, student=0.73)]
TITLES = ["Naive", "Confidence loss"]


def charts() -> dict[str, dict[str, Any]]:
    specs = {"gap": gap_chart(GROUPS, TITLES), "decomposition": decomposition_chart(GROUPS, TITLES)}
    return {"live": live_chart(PAIR, 1000), **{name: spec for name, spec in specs.items() if spec}}


@pytest.mark.parametrize("name", ["gap", "decomposition", "live"])
def test_nothing_of_the_browser_is_left(name: str) -> None:
    spec = on_paper(charts()[name])
    assert not [text for text in strings(spec) if "var(" in text or "dash(" in text or text == "container"]
    assert spec["config"]["background"] == "white"


def test_colours_are_those_of_the_light_theme_and_dashes_numbers() -> None:
    said = json.dumps(on_paper(charts()["gap"]))
    assert tokens()["weak"] == "#c17a00"
    assert "#c17a00" in said
    assert "[2.0, 3.0]" in said


def test_the_margin_for_names_is_taken_from_the_width() -> None:
    assert on_paper(charts()["gap"])["width"] == WIDTH
    assert on_paper(charts()["live"])["vconcat"][0]["width"] == WIDTH - 158


def test_rows_of_a_live_chart_are_put_in() -> None:
    assert on_paper(charts()["live"], [{"step": 1}])["datasets"] == {"live": [{"step": 1}]}


def test_a_token_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError, match="mauve"):
        on_paper({"color": "var(--mauve)"})
