"""Answers in memory are those that would be computed again, and a cached answer reads nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories.example_tables import World, make_world
from webapp.example_queries.cache import Cache, Page, Summary, page_of, summary_of
from webapp.example_queries.database import Base
from webapp.example_queries.refusal import Refused
from webapp.example_queries.search import search
from webapp.example_queries.slices import Slice
from webapp.example_queries.view import View


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


class Closed(Exception):
    pass


def close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every read from now on; a slice can still be opened."""

    def refuse(*_: object) -> None:
        raise Closed

    monkeypatch.setattr(Base, "texts", refuse)
    monkeypatch.setattr(Slice, "_rows", refuse)
    monkeypatch.setattr("webapp.example_queries.slices.count", refuse)


def page(world: World, view: View, *tagged: Sequence[int]) -> Page:
    with world.slice(view, *map(list, tagged)) as rows:
        return page_of(rows)


def test_a_view_that_was_shown_is_shown_again_without_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(q="good", student_min=0.6)
    with world.slice(view) as rows:
        summary, shown = summary_of(rows), page_of(rows)
        assert (summary.cells, summary.measures, summary.histograms) == (rows.counts.cells, rows.measures, rows.histograms)
        assert (shown.examples, shown.more) == (rows.page()[:50], len(rows.page()) > 50)
        assert shown.texts == rows.texts([example.row for example in shown.examples])
    further = view.model_copy(update={"after": shown.examples[0].cursor})
    others = (view.but(gold=1), view.but(sort="length"), further)
    with (
        world.slice(view) as again,
        world.slice(view.but(sort="length", column=("tags",))) as sorted_,
        world.slice(others[0]) as first,
        world.slice(others[1]) as second,
        world.slice(others[2]) as third,
    ):
        close(monkeypatch)
        assert summary_of(again) is summary
        assert page_of(again) is shown
        assert summary_of(sorted_) is summary
        for other in (first, second, third):
            with pytest.raises(Closed):
                page_of(other)


def test_the_oldest_answer_makes_room() -> None:
    cache: Cache[Summary | int] = Cache(2)
    assert [cache.get(key, lambda: 1) for key in "aba"] == [1, 1, 1]
    assert cache.get("c", lambda: 3) == 3
    assert cache.get("a", lambda: 4) == 1
    assert cache.get("b", lambda: 5) == 5


def test_a_page_further_on_knows_how_many_rows_come_before_it(world: World) -> None:
    first = page(world, View())
    second = page(world, View(after=first.examples[-1].cursor))
    assert (first.before, second.before) == (0, 50)
    assert not {example.id for example in first.examples} & {example.id for example in second.examples}


def test_other_tags_or_another_split_are_another_answer(world: World) -> None:
    test = [int(world.ids[at]) for at in range(0, 600, 3)]
    view = View(tag=("odd",))
    some, more = (page(world, view, test[:many]) for many in (5, 6))
    assert [{example.id for example in shown.examples} for shown in (some, more)] == [set(test[:5]), set(test[:6])]
    world.source = replace(world.source, split="transfer")
    other = page(world, View(split="transfer"))
    assert not {example.id for example in other.examples} & set(test)


def test_all_views_with_the_same_search_share_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.slice(View(q="good")):
        pass
    close(monkeypatch)
    searched = world.source.dataset, world.source.fingerprint
    assert search(world.base, *searched, "good", "words")
    with pytest.raises(Closed):
        search(world.base, *searched, "good", "phrase")


def test_a_refusal_is_not_cached_as_an_answer(world: World) -> None:
    for _ in range(2):
        with pytest.raises(Refused):
            page(world, View(q="(", mode="regex"))
