"""The list of experiments."""

import base64
import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import states
from tests.factories.experiments import spec
from tests.webapp.page_text import text
from training.recipes import recipes
from webapp.experiments import lifecycle, listing, services
from webapp.experiments.models import Experiment, Run, Status
from webapp.pages.experiments import list_views


def test_the_empty_list_offers_the_shipped_experiment_and_starts_it(page: Client) -> None:
    html = page.get("/experiments/").content.decode()
    assert "Nothing has run here yet." in html
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html):
        fields.setdefault(name, []).append(value)
    page.post("/experiments/new/", fields | {"do": ["launch"]})
    assert Experiment.objects.get().name == "Does a probe exceed its bag-of-words teacher?"
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_the_first_experiment_is_the_shipped_question_and_the_others_can_be_started_from(page: Client) -> None:
    assert "The first experiment asks: Does a probe exceed its bag-of-words teacher?" in text(page, "/experiments/")
    content = text(page, "/experiments/new/")
    assert f"Defaults {' '.join(recipe.name for recipe in recipes().values())}" in content
    assert next(iter(recipes().values())).name == "Does a probe exceed its bag-of-words teacher?"


def test_a_row_says_state_models_methods_and_result(page: Client, owner: User) -> None:
    states.done(states.launched(owner, "A finished one", seeds=3))
    content = text(page, "/experiments/")
    assert "A finished one Movie reviews , Bag of words to MiniLM L4" in content
    assert re.search(r"naive, confidence loss 3 Done naive: PGR \S+ \[.*?\] confidence: PGR \S+ \[.*?\] ada", content)


def test_the_running_one_is_on_top_with_counts_and_stop(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    assert f"#{experiment.pk} Replication on fresh student seeds Stop Running 8 of 20 runs done, 1 training" in text(
        page, "/experiments/"
    )


def test_the_list_is_searched_by_name_and_filtered_by_state(page: Client, owner: User) -> None:
    states.stopped(owner)
    states.restarted(owner)
    stopped = rows(page, "?q=stopped")
    assert "A worker went away" not in stopped
    assert "Stopped early" in stopped
    running = rows(page, "?state=running")
    assert "A worker went away" in running
    assert "Stopped early" not in running
    assert "No experiment matches." in text(page, "/experiments/?q=nothing+of+the+kind")


def test_the_list_has_pages_of_25_with_links_to_the_one_before_and_after(page: Client, owner: User) -> None:
    for number in range(60):
        services.create(owner, spec(name=f"Draft {number}"))
    first = page.get("/experiments/").content.decode()
    assert "Draft 59" in first
    assert "Draft 34<" not in first
    second = page.get(link(first, "Next")).content.decode()
    assert "Draft 34<" in second
    last = page.get(link(second, "Next")).content.decode()
    assert "Draft 0<" in last
    assert ">Next<" not in last
    assert numbers(page.get(link(last, "Previous")).content.decode()) == numbers(second)
    assert numbers(page.get(link(second, "Previous")).content.decode()) == numbers(first)


def link(html: str, title: str) -> str:
    """The address of the link with this title."""
    match = re.search(rf'href="([^"]*)"[^>]*>\s*{title}\s*</a>', html)
    assert match, title
    return unescape(match[1])


def numbers(html: str) -> list[str]:
    """The numbers of the experiments in the table."""
    return re.findall(r'<div class="name"><a href="/experiments/(\d+)/"', html)


def test_headers_sort_and_say_how(page: Client, owner: User) -> None:
    for name in ("Beta", "alpha", "Gamma"):
        services.create(owner, spec(name=name))
    by_name = page.get(link(page.get("/experiments/").content.decode(), "Experiment")).content.decode()
    assert 'aria-sort="ascending"' in by_name
    assert re.findall(r">(Beta|alpha|Gamma)</a>", by_name) == ["alpha", "Beta", "Gamma"]
    again = page.get(link(by_name, "Experiment")).content.decode()
    assert re.findall(r">(Beta|alpha|Gamma)</a>", again) == ["Gamma", "Beta", "alpha"]


def test_every_filter_narrows_the_list_and_can_be_removed(page: Client, owner: User) -> None:
    grace = User.objects.create_user("grace")
    services.create(owner, spec(name="Mine", strong={"models": ["minilm-l2"]}, methods=[{"kind": "product"}]))
    services.create(grace, spec(name="Hers", methods=[{"kind": "naive"}]))
    today = timezone.now().date()
    yesterday = today - timedelta(days=1)
    for query in ("owner=ada", "model=minilm-l2", "method=product", "owner=ada&state=draft&dataset=movie-reviews"):
        assert "Mine" in rows(page, f"?{query}")
        assert "Hers" not in rows(page, f"?{query}")
    assert "Hers" in rows(page, f"?since={yesterday}&until={today}")
    assert "No experiment matches." in rows(page, f"?until={yesterday}")
    assert "Mine" in rows(page, "?since=somewhen")  # which is no day
    html = page.get("/experiments/?owner=ada&sort=name").content.decode()
    assert "Owner: ada" in html
    assert link(html, "Remove") == "/experiments/?sort=name"


def rows(page: Client, query: str) -> str:
    """The text of the part with the rows."""
    return text(page, f"/experiments/{query}").partition("State All")[2]


def test_archived_experiments_are_hidden_unless_asked_for(page: Client, owner: User) -> None:
    for name in ("Shown", "Put away"):
        services.create(owner, spec(name=name))
    Experiment.objects.filter(name="Put away").update(archived_at=timezone.now())
    assert "Put away" not in rows(page, "")
    assert "Put away" in rows(page, "?archived=all")
    assert "Shown" not in rows(page, "?archived=only")


def test_chosen_columns_are_shown_and_remembered_for_the_account(page: Client, owner: User) -> None:
    services.create(owner, spec(seeds=4))
    answer = page.post("/experiments/columns/", {"columns": ["state", "dataset"], "owner": "ada"}, follow=True)
    assert answer.redirect_chain == [("/experiments/?owner=ada&columns=dataset%2Cstate", 302)]
    headers = re.findall(r'class="sort"[^>]*>([^<]*)', page.get("/experiments/").content.decode())
    assert [header.strip() for header in headers] == ["#", "Experiment", "Data set", "State"]
    headers = re.findall(r'class="sort"[^>]*>([^<]*)', page.get("/experiments/?columns=owner").content.decode())
    assert [header.strip() for header in headers] == ["#", "Experiment", "Owner"]


def test_an_open_list_is_told_that_nothing_has_changed_and_otherwise_gets_its_rows(page: Client, owner: User) -> None:
    experiment = services.create(owner, spec(name="Before"))
    html = page.get("/experiments/?q=e").content.decode()
    match = re.search(r'hx-get="([^"]*)"\s+hx-headers="([^"]*)"', html)
    assert match
    address, headers = unescape(match[1]), json.loads(unescape(match[2]))
    with CaptureQueriesContext(connection) as captured:
        assert page.get(address, headers={"HX-Request": "true", **headers}).status_code == 304
    assert len(captured) == 4  # the session, the account with its group, and the number of the lists
    lifecycle.rename(experiment, "Behind")
    answer = page.get(address, headers={"HX-Request": "true", **headers})
    assert "Behind" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_a_search_in_an_open_list_leaves_an_address_without_empty_filters(page: Client, owner: User) -> None:
    services.create(owner, spec())
    answer = page.get("/experiments/?q=test&owner=&dataset=&sort=-id", headers={"HX-Request": "true"})
    assert answer["HX-Push-Url"] == "/experiments/?q=test"


@pytest.mark.parametrize("cursor", ["x", "!", "WzFd", "W251bGxd", "WzEsMl0", "W3RydWVd", "é"])
def test_a_page_that_no_list_has_leads_to_the_first(page: Client, owner: User, cursor: str) -> None:
    services.create(owner, spec())
    assert page.get("/experiments/", {"sort": "name", "after": cursor, "state": "draft"})["Location"] == (
        "/experiments/?state=draft&sort=name"
    )


def test_the_list_asks_the_same_number_of_queries_however_long_it_is(page: Client, owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get("/experiments/")
        return len(captured)

    states.done(states.launched(owner, "First", seeds=1))
    few = queries()
    for number in range(5):
        states.done(states.launched(owner, f"Other {number}", seeds=2, data={"split_seed": number}))
    assert queries() == few


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "project=x",
        "project=-1",
        "since=yesterday",
        "until=9999-12-31",
        "favourite=0",
        "archived=maybe",
        "sort=-",
    ],
)
def test_a_value_that_no_filter_has_does_not_filter(page: Client, owner: User, query: str) -> None:
    services.create(owner, spec(name="The only one"))
    assert "The only one" in rows(page, f"?{query}")


@pytest.mark.parametrize("query", ["q=" + "x" * 60_000, "tag=" + "x" * 500, "model=%F0%9F%98%80", "q=%23-1"])
def test_a_value_that_no_experiment_has_matches_none(page: Client, owner: User, query: str) -> None:
    services.create(owner, spec(name="The only one"))
    assert "No experiment matches." in page.get(f"/experiments/?{query}").content.decode()


@pytest.mark.parametrize("at", ["2026-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", 7])
def test_a_cursor_with_a_time_that_no_page_has_leads_to_the_first_page(page: Client, owner: User, at: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([at, 1]).encode()).decode().rstrip("=")
    assert page.get("/experiments/", {"sort": "-ended", "after": cursor})["Location"] == "/experiments/?sort=-ended"


def test_the_ages_of_an_open_list_are_renewed_although_nothing_has_changed(
    page: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.create(owner, spec())
    monkeypatch.setattr(list_views, "ages", lambda: 7)
    open_list = {"HX-Request": "true", "If-None-Match": f'"{listing.revision()}-7"'}
    assert page.get("/experiments/", headers=open_list).status_code == 304
    monkeypatch.setattr(list_views, "ages", lambda: 8)
    assert page.get("/experiments/", headers=open_list).status_code == 200
