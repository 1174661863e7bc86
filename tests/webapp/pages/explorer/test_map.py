"""The map on the page of disagreements: shown on request, with a filter that can be typed, or with the reason for its absence."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import address, explored, ids_of, with_features, with_texts
from tests.webapp.pages.explorer.page_parts import get
from webapp.experiments.models import Experiment


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner)


def points(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-id="(\d+)"', page)]


def shown_count(page: str) -> int:
    return int(re.search(r'<b role="status">(\d+)', page)[1])  # type: ignore[index]


def test_it_is_closed_until_it_is_opened_and_then_has_every_example(client: Client, experiment: Experiment) -> None:
    with_features(experiment)
    page = get(client, address(experiment))
    assert points(page) == []
    link = re.search(r'href="(\?[^"]*)">Map of the student’s features', page)
    assert link
    page = get(client, address(experiment, unescape(link[1])))
    assert sorted(points(page)) == sorted(ids_of("test"))
    assert "All 300 examples are drawn" in page
    # Of normal features with standard deviations 8, 7 ... 1, 64 + 49 of 204.
    assert re.search(r"The first two principal components, with 5[45]% of the variance", page)
    assert re.search(r'href="\?cell=5&amp;map=shown"|href="\?map=shown&amp;cell=5"', page), "it stays open in a cell"


def test_a_rectangle_in_the_address_opens_it_and_narrows_the_list(client: Client, experiment: Experiment) -> None:
    with_features(experiment)
    page = get(client, address(experiment, "?x_min=0&y_max=3.5"))
    assert 'class="chosen"' in page
    assert 'name="x_min" value="0"' in page
    assert 'name="y_max" value="3.5"' in page
    assert len(points(page)) == 300
    assert 50 < shown_count(page) < 250
    wider = re.search(r'href="(\?[^"]*)">Remove the selection', page)
    assert wider
    assert shown_count(get(client, address(experiment, unescape(wider[1])))) == 300
    closed = re.search(r'href="(\?[^"]*)">Close the map', page)
    assert closed
    assert closed[1] == "?"


def test_the_legend_counts_the_cells_of_the_view(client: Client, experiment: Experiment) -> None:
    with_features(experiment)
    page = get(client, address(experiment, "?map=shown&gold=1&x_min=0"))
    legend = page[page.index("map-legend") : page.index("map-field")]
    counts = [int(number.replace(",", "")) for number in re.findall(r'<td class="r">([\d,]+)', legend)]
    assert sum(counts) == len(points(page))
    rest = get(client, address(experiment, "?gold=1"))
    assert counts == [int(number) for number in re.findall(r'id="cell-\d".*?<span class="n">([\d,]+)</span>', rest)]


def test_without_features_it_says_why_and_a_rectangle_is_refused(client: Client, experiment: Experiment) -> None:
    assert "There is no map: only probes have" in get(client, address(experiment, "?map=shown"))
    page = get(client, address(experiment, "?x_min=0&gold=1"), 422)
    assert "Nothing can be selected on it. There is no map" in page
    assert re.search(r'<option value="1" selected>', page), "the other filters are kept"
    assert get(client, address(experiment, f"{ids_of('test')[0]}/?x_min=0"), 404)


def test_a_rectangle_that_is_none_is_told_at_the_form(client: Client, experiment: Experiment) -> None:
    with_features(experiment)
    assert "The range of x ends before it begins." in get(client, address(experiment, "?x_min=2&x_max=1"), 422)
    assert "x_min: " in get(client, address(experiment, "?x_min=wide"), 422)


def test_hostile_texts_are_titles_of_points(client: Client, experiment: Experiment) -> None:
    with_texts(experiment, ["</title></svg><script>alert(1)</script>", "nul \x00 byte", "\ue000mark\ue001"])
    experiment.refresh_from_db()
    with_features(experiment)
    page = get(client, address(experiment, "?map=shown"))
    assert "&lt;/title&gt;&lt;/svg&gt;&lt;script&gt;" in page
    assert "<script>alert" not in page
