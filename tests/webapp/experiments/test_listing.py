"""Pages of lists in every order and under every filter."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories.experiments import spec
from webapp.experiments import services
from webapp.experiments.listing import SORTS, Order, Selection
from webapp.experiments.models import Experiment

ORDERS = [Order(name, descending) for name in SORTS for descending in (True, False)]


@pytest.fixture
def laboratory(owner: User) -> User:
    """Forty experiments of three people, many of them equal in a column and many without a value."""
    rng, now = np.random.default_rng(0), timezone.now()
    people = [owner, *(User.objects.create_user(name) for name in ("Zoë", "grace"))]
    for number in range(40):
        models = {"weak": {"models": [["bag-of-words"], ["minilm-l1"]][number % 2]}, "strong": {"models": ["minilm-l2"]}}
        experiment = services.create(people[rng.integers(3)], spec(name=f"Name {rng.integers(12)}", **models))
        ended = now - timedelta(days=int(rng.integers(5))) if rng.random() < 0.6 else None
        pgr = float(rng.choice([0.1 + 0.2, 0.5, -1.0])) if rng.random() < 0.5 else None
        states = ("draft", "running", "finished", "failed")
        Experiment.objects.filter(pk=experiment.pk).update(pgr=pgr, ended_at=ended, state=states[rng.integers(4)])
    return owner


def key(experiment: Experiment, order: Order, people: list[str]) -> tuple[object, ...]:
    """Return the values of an order's columns; of a name its place among ``people``, since databases order texts differently."""
    return tuple(
        people.index(experiment.owner.username) if column == "owner__username" else getattr(experiment, column)
        for column in order.columns
    )


@pytest.mark.parametrize("filters", [{}, {"q": "name"}], ids=str)
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_pages_forwards_and_backwards_have_every_experiment_once_in_order(
    laboratory: User, order: Order, filters: dict[str, str]
) -> None:
    selection = Selection(filters, order)
    page = selection.page(laboratory, 7)
    assert not page.before
    pages = [[row.pk for row in page.rows]]
    while page.after:
        page = selection.page(laboratory, 7, after=page.after)
        pages.append([row.pk for row in page.rows])
    back = [pages[-1]]
    while page.before:
        page = selection.page(laboratory, 7, before=page.before)
        back.insert(0, [row.pk for row in page.rows])
    assert back == pages
    shown = [pk for numbers in pages for pk in numbers]
    assert sorted(shown) == sorted(Experiment.objects.values_list("pk", flat=True))
    known = Experiment.objects.select_related("owner").in_bulk()
    people = list(User.objects.order_by("username").values_list("username", flat=True))
    keys = [key(known[pk], order, people) for pk in shown]
    valued = [values for values in keys if None not in values]
    assert keys[: len(valued)] == valued  # those without a value come last
    for earlier, later in (*pairwise(valued), *pairwise([values[1:] for values in keys[len(valued) :]])):
        assert (earlier > later) if order.descending else (earlier < later)


def test_an_experiment_that_is_made_meanwhile_moves_no_other_to_another_page(laboratory: User) -> None:
    selection = Selection()
    first = selection.page(laboratory, 7)
    second = [row.pk for row in selection.page(laboratory, 7, after=first.after).rows]
    services.create(laboratory, spec())
    assert [row.pk for row in selection.page(laboratory, 7, after=first.after).rows] == second


def test_numbers_by_state_are_those_of_all_other_filters(laboratory: User) -> None:
    selection = Selection({"state": "failed", "owner": "grace"})
    hers = Experiment.objects.filter(owner__username="grace")
    states = set(hers.values_list("state", flat=True))
    assert selection.counts(laboratory) == {state: hers.filter(state=state).count() for state in states}
    assert {row.pk for row in selection.page(laboratory, 99).rows} == set(
        hers.filter(state="failed").values_list("pk", flat=True)
    )


@pytest.mark.parametrize(
    ("text", "matches"), [("GRÖSSE", True), ("größe", True), ("#{pk}", True), ("#0", False), ("grosse", False)]
)
def test_a_search_finds_parts_of_names_in_any_case_and_numbers(owner: User, text: str, matches: bool) -> None:
    experiment = services.create(owner, spec(name="Die Größe"))
    page = Selection({"q": text.format(pk=experiment.pk)}).page(owner, 5)
    assert bool(page.rows) == matches
    assert not Selection({"q": "a\0b"}).page(owner, 5).rows


@pytest.mark.embedded("reads a plan of SQLite")
@pytest.mark.parametrize("filters", [{"q": "nothing of the kind"}, {"dataset": "none"}], ids=str)
def test_a_search_reads_an_index_and_not_the_large_rows_when_the_database_has_statistics(
    laboratory: User, filters: dict[str, str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        assert Selection(filters).page(laboratory, 7).rows == []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "USING COVERING INDEX" in plan
