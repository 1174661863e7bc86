"""The home page: what runs, what ended since the last visit, drafts, the queue and reports."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import claims, states
from tests.factories.experiments import launched, spec
from tests.factories.shares import CHOICES
from tests.webapp.page_text import text
from webapp.accounts.home_visits import AWAY, visit
from webapp.accounts.models import HomeVisit
from webapp.experiments import queue, run_stop, services, workers
from webapp.experiments.models import Experiment, Status
from webapp.pages.home.content import SHOWN_RUNNING
from webapp.shares import services as sharing
from webapp.shares.models import Share


def stopped(owner: User, name: str) -> Experiment:
    experiment = launched(owner, name=name, data={"split_seed": Experiment.objects.count()})
    run_stop.stop_experiment(experiment, owner.username)
    return experiment


def away(owner: User, by: timedelta = AWAY + timedelta(minutes=1)) -> None:
    """Let the last visit, and everything that has ended, be longer ago."""
    HomeVisit.objects.filter(user=owner).update(seen_at=F("seen_at") - by)
    Experiment.objects.filter(ended_at__isnull=False).update(ended_at=F("ended_at") - by)


def parted(page: Client) -> tuple[str, str, str]:
    """Return the texts about what runs, about what ended, and beside them."""
    content = text(page, "/")
    running, _, rest = content.partition("Running now")[2].partition("Ended ")
    ended, _, beside = rest.partition("Queue and devices")
    return running, ended, beside


@pytest.mark.parametrize("query", ["state=running", "q=two+words&state=failed&page=2"])
def test_a_bookmark_of_the_list_that_was_at_this_address_leads_to_it(page: Client, query: str) -> None:
    answer = page.get(f"/?{query}")
    assert (answer.status_code, answer["Location"]) == (301, f"/experiments/?{query}")


def test_an_empty_laboratory_shows_the_first_experiment(page: Client) -> None:
    assert "Nothing has run here yet." in text(page, "/")


def test_what_runs_has_its_progress_and_a_stop_for_those_who_may(people: dict[str, User | None], owner: User) -> None:
    running = states.running(owner)
    for person, stops in (("owner", True), ("admin", True), ("other", False), ("viewer", False)):
        user = people[person]
        assert user
        client = Client()
        client.force_login(user)
        html = client.get("/").content.decode()
        assert f"#{running.pk} Replication on fresh student seeds" in html
        assert (f'action="/experiments/{running.pk}/stop/"' in html) == stops, person
    shown = parted(client)[0]
    match = re.search(r"Running (\d+)% 8 of 20 runs done, 1 training about \d+ \w+ left by ada", shown)
    assert match
    assert tab_of(client) == (f"{match[1]}% · 1 running", "running")


def tab_of(client: Client) -> tuple[str, str]:
    html = client.get("/").content.decode()
    title, _, rest = html.partition('data-tab-title="')[2].partition('"')
    return title, rest.partition('data-tab-icon="')[2].partition('"')[0]


@pytest.mark.usefixtures("called")
def test_what_ended_is_new_until_the_next_visit_however_often_the_page_is_loaded(page: Client, owner: User) -> None:
    stopped(owner, "Before the first visit")
    assert "newest first" in parted(page)[1]
    away(owner)
    stopped(owner, "While away")
    for _ in range(3):
        ended = parted(page)[1]
        assert "1 stopped since your last visit, 31 min ago" in ended
        assert "While away new" in ended
        assert "Before the first visit new" not in ended
    assert tab_of(page) == ("Home", "done")
    away(owner)
    ended = parted(page)[1]
    assert "nothing new since your last visit" in ended
    assert "While away new" not in ended
    assert tab_of(page) == ("Home", "")


def test_a_visit_goes_on_while_the_page_is_loaded_again_within_half_an_hour(owner: User) -> None:
    assert visit(owner).since is None
    first = HomeVisit.objects.get().seen_at
    away(owner)
    begun = visit(owner)
    assert begun.since == first - AWAY - timedelta(minutes=1)
    for _ in range(3):
        away(owner, AWAY - timedelta(minutes=1))
        assert visit(owner).since == begun.since
        assert timezone.now() - HomeVisit.objects.get().seen_at < timedelta(minutes=1)


def test_of_two_requests_that_begin_a_visit_none_loses_what_is_new(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    visit(owner)
    away(owner)
    row = HomeVisit.objects.get()
    first = visit(owner)
    HomeVisit.objects.update(seen_at=row.seen_at)  # what the second request has read before the first one wrote
    second = visit(owner)
    assert first.since == second.since == row.seen_at


@pytest.mark.usefixtures("called")
def test_drafts_queue_workers_and_reports_are_beside_it(page: Client, owner: User) -> None:
    services.create(owner, spec(name="Mine, not launched"))
    services.create(User.objects.create_user("grace"), spec(name="Hers, not launched"))
    sharing.share_live(states.unresolved(owner), CHOICES.model_copy(update={"title": "For the group"}), owner)
    launched(owner, data={"split_seed": 5})
    beside = parted(page)[2]
    assert "No worker is online. Queued runs wait until that changes." in beside
    assert "0 runs in training, 2 in the queue, 2 wait for labels" in beside
    assert "Mine, not launched" in beside
    assert "Hers, not launched" not in beside
    assert "For the group live, by ada" in beside
    workers.register("worker@lab", 1, {}, [{"name": "NVIDIA H200", "memory": None}], 1)
    claims.claim_next("worker@lab")
    queue.pause(owner, "moving house")
    beside = parted(page)[2]
    assert "worker@lab run" in beside
    assert "NVIDIA H200" in beside
    assert "The queue is paused by ada" in beside
    assert "No worker is online" not in beside


@pytest.mark.usefixtures("called")
def test_everybodys_experiments_are_shown_or_only_ones_own(page: Client, owner: User) -> None:
    other = User.objects.create_user("grace")
    stopped(owner, "Own")
    stopped(other, "Of another")
    assert "Of another" in parted(page)[1]
    content = text(page, "/?of=me")
    assert "Own" in content
    assert "Of another" not in content


@pytest.mark.usefixtures("called")
def test_a_page_that_shows_it_already_is_answered_without_content_until_something_changes(page: Client, owner: User) -> None:
    experiment = launched(owner)
    version = page.get("/home/")["ETag"]
    assert f"&quot;{version[1:-1]}" in page.get("/").content.decode().replace("\\", "")

    def again(version: str) -> int:
        return page.get("/home/", headers={"if-none-match": version}).status_code

    assert again(version) == 304
    for change in (
        lambda: claims.claim_next("worker@lab"),
        lambda: run_stop.stop_experiment(experiment, "ada"),
        lambda: services.create(owner, spec(name="Another")),
        lambda: Share.objects.create(experiment=experiment, owner=owner, title="A report", choices={}),
        lambda: queue.pause(owner, ""),
        lambda: workers.register("worker@lab", 1, {}, [], 1),
    ):
        change()
        assert again(version) == 200
        version = page.get("/home/")["ETag"]
        assert again(version) == 304


@pytest.mark.usefixtures("called")
def test_the_number_of_queries_is_the_same_for_any_number_of_experiments(page: Client, owner: User) -> None:
    def counted(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get(path)
        return len(captured)

    def grow(number: int) -> None:
        for _ in range(number):
            seed = Experiment.objects.count()
            begun = launched(owner, data={"split_seed": seed})
            assert claims.claim(begun.runs.filter(status=Status.QUEUED)[0].pk, f"worker{seed}")
            stopped(owner, f"Stopped {seed}")
            services.create(owner, spec(name=f"Draft {seed}"))

    grow(SHOWN_RUNNING)
    visit(owner)
    before = [counted(path) for path in ("/", "/home/", "/?of=me")]
    grow(3)
    assert [counted(path) for path in ("/", "/home/", "/?of=me")] == before
    version = page.get("/home/")["ETag"]
    with CaptureQueriesContext(connection) as captured:
        page.get("/home/", headers={"if-none-match": version})
    assert len(captured) <= 8
