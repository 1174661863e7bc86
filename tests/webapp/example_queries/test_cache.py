"""What is kept in memory is what would be read again, and nothing is read for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories.example_tables import World, make_world
from webapp.example_queries.cache import page_of, summary_of
from webapp.example_queries.database import Base
from webapp.example_queries.slices import Refused, search
from webapp.example_queries.view import View


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


class Closed(Exception):
    pass


def close(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing can be read."""

    def refuse(*_: object) -> None:
        raise Closed

    monkeypatch.setattr(Base, "open", refuse)
    monkeypatch.setattr(Base, "texts", refuse)


def test_a_view_that_was_shown_is_shown_again_without_reading(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(q="good", student_min=0.6)
    summary, page = summary_of(world.base, world.source, view, ()), page_of(world.base, world.source, view, ())
    with world.slice(view) as found:
        assert (summary.cells, summary.measures, summary.histograms) == (found.counts.cells, found.measures, found.histograms)
        assert (page.examples, page.more) == (found.page()[:50], len(found.page()) > 50)
        assert page.texts == found.texts([example.row for example in page.examples])
    close(monkeypatch)
    assert summary_of(world.base, world.source, view, ()) is summary
    assert page_of(world.base, world.source, view, ()) is page
    assert summary_of(world.base, world.source, view.but(sort="length", column=("tags",)), ()) is summary
    for other in (view.but(q="bad"), view.but(sort="length"), view.model_copy(update={"after": page.examples[0].cursor})):
        with pytest.raises(Closed):
            page_of(world.base, world.source, other, ())


def test_a_page_further_on_knows_how_many_rows_come_before_it(world: World) -> None:
    first = page_of(world.base, world.source, View(), ())
    second = page_of(world.base, world.source, View(after=first.examples[-1].cursor), ())
    assert (first.before, second.before) == (0, 50)
    assert not {one.id for one in first.examples} & {one.id for one in second.examples}


def test_other_tags_or_another_split_are_another_answer(world: World) -> None:
    test = [int(world.ids[at]) for at in range(0, 600, 3)]
    view = View(tag=("odd",))
    some, more = (page_of(world.base, world.source, view, (tuple(test[:many]),)) for many in (5, 6))
    assert ({one.id for one in some.examples}, {one.id for one in more.examples}) == (set(test[:5]), set(test[:6]))
    other = page_of(world.base, replace(world.source, split="transfer"), View(split="transfer"), ())
    assert not {one.id for one in other.examples} & set(test)


def test_all_views_with_the_same_search_share_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.slice(View(q="good")):
        pass
    close(monkeypatch)
    searched = world.source.dataset, world.source.fingerprint
    assert search(world.base, *searched, "good", "words")
    with pytest.raises(Closed):
        search(world.base, *searched, "good", "phrase")


def test_a_refusal_is_not_kept_as_an_answer(world: World) -> None:
    for _ in range(2):
        with pytest.raises(Refused):
            page_of(world.base, world.source, View(q="(", mode="regex"), ())
