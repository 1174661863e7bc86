"""A view is its query string."""

from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from webapp.example_queries.view import View

VIEWS = [
    View(),
    View(cell=(5, 6), gold=0, weak_min=0.6, weak_max=0.95, sort="blind", column=("gold", "length")),
    View(q="a & b=c #d +e", mode="phrase", tag=("gold label wrong", "ambiguous"), group=-7),
    View(weak="ab" * 8, split="transfer", after="0.6907194852828979:4826", flip_min=0),
    View(shift_max=0.1, length_min=3),
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.query() or "everything")
def test_parsing_what_was_printed_gives_the_view_again(view: View) -> None:
    assert View.parse(parse_qs(view.query())) == view


def test_the_plain_view_is_an_empty_query_and_empty_fields_change_nothing() -> None:
    assert View().query() == ""
    assert View.parse({"gold": [""], "weak_min": [""], "q": ["  "], "cell": [""]}) == View()


def test_equal_views_have_equal_queries() -> None:
    assert View(cell=(6, 5, 5), tag=("b", "a")).query() == View(cell=(5, 6), tag=("a", "b")).query()


@pytest.mark.parametrize(
    "wrong",
    [
        {"cell": ["9"]},
        {"weak_min": ["1.5"]},
        {"weak_min": ["nan"]},
        {"weak_min": [".9"], "weak_max": [".6"]},
        {"q": ["x" * 201]},
        {"split": ["locked"]},
        {"split": ["half A"]},
        {"sort": ["shift; DROP TABLE examples"]},
        {"after": ["1:2; SELECT"]},
        {"weak": ["../../etc"]},
        {"tag": ["<script>"]},
        {"group": ["9" * 30]},
        {"what": ["this"]},
    ],
)
def test_what_is_no_view_is_refused(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        View.parse(wrong)


def test_a_change_begins_at_the_first_page() -> None:
    assert View(after="0.5:1").but(cell=(1,)) == View(cell=(1,))


def test_a_view_knows_whether_anything_narrows_it_besides_its_cell() -> None:
    assert not View(cell=(5,), sort="id", split="transfer").filtered
    assert View(q="x").filtered
    assert View(length_max=3).filtered
