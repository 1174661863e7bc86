"""The command palette: what it finds, in what order, and what it offers to whom."""

import html
import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from tests.factories import states
from tests.factories.experiments import launched, spec
from tests.factories.shares import CHOICES
from webapp.experiments import lifecycle, queue, services
from webapp.experiments.models import Experiment, Run
from webapp.organising.models import Project, SavedView
from webapp.pages.palette.records import MOST
from webapp.shares import services as sharing

pytestmark = pytest.mark.usefixtures("called")

OPTION = re.compile(r'<(a|button)\b[^>]*role="option"[^>]*>\s*<span class="title">(.*?)</span>', re.DOTALL)


def options(client: Client, text: str = "", **fields: str) -> list[str]:
    """Return the titles of the options for a text, in their order."""
    page = client.get("/palette/", {"q": text, **fields}).content.decode()
    return [html.unescape(title) for _, title in OPTION.findall(page)]


def titled(experiment: Experiment) -> str:
    return f"#{experiment.pk} {experiment.name}"


def login(person: User | None) -> Client:
    client = Client()
    assert person
    client.force_login(person)
    return client


def test_an_experiment_is_found_by_a_part_of_its_name_in_any_case_and_by_its_number(page: Client, owner: User) -> None:
    first = services.create(owner, spec(name="Confidence in Übersetzung"))
    second = services.create(owner, spec(name="Another one"))
    assert titled(first) in options(page, "übersetz")
    assert titled(first) in options(page, "FIDENCE IN")
    assert titled(second) not in options(page, "übersetz")
    for text in (f"#{second.pk}", str(second.pk)):
        assert options(page, text)[0] == titled(second)
    lifecycle.delete(second)
    assert titled(second) not in options(page, f"#{second.pk}")


def test_the_newest_experiments_come_first_and_only_some_of_them(page: Client, owner: User) -> None:
    drafts = [services.create(owner, spec(name=f"Sweep {number}")) for number in range(MOST + 2)]
    assert options(page, "sweep") == [titled(draft) for draft in reversed(drafts)][:MOST]


def test_a_run_is_found_by_its_number_and_by_the_beginning_of_its_key_with_its_role(page: Client, owner: User) -> None:
    experiment = launched(owner)
    run = Run.objects.order_by("pk")[0]
    for text in (f"#{run.pk}", run.key[:8], run.key, run.key[:10].upper()):
        assert f"Run {run.pk}" in options(page, text)
    assert f"Run {run.pk}" not in options(page, ("0" if run.key[0] != "0" else "1") + run.key[1:8])
    assert f"queued, weak supervisor of {titled(experiment)}" in page.get(f"/palette/?q={run.key[:8]}").content.decode()


def test_a_run_that_no_experiment_has_any_more_is_not_found(page: Client, owner: User) -> None:
    experiment = launched(owner)
    run = Run.objects.order_by("pk")[0]
    experiment.parts.all().delete()
    assert options(page, run.key[:8]) == []


def test_data_sets_and_reports_are_found_by_their_titles(page: Client, owner: User) -> None:
    assert "Movie reviews" in options(page, "movie rev")
    assert "Movie reviews" in options(page, "movie-rev")
    experiment = states.finished(owner)
    share = sharing.share_live(experiment, CHOICES.model_copy(update={"title": "For the reading group"}), owner)
    assert options(page, "reading") == ["For the reading group"]
    assert f'href="/shares/{share.slug}/"' in page.get("/palette/?q=reading").content.decode()
    lifecycle.delete(experiment)
    assert options(page, "reading") == [], "a live share shows nothing without its experiment"


def test_without_a_text_what_was_opened_last_comes_first_in_its_order(page: Client, owner: User) -> None:
    experiment = launched(owner)
    run = Run.objects.order_by("pk")[0]
    recent = f"dataset:movie-reviews run:{run.pk} experiment:{experiment.pk} experiment:98765 run:x nothing share:none"
    assert options(page, recent=recent)[:4] == ["Movie reviews", f"Run {run.pk}", titled(experiment), "New experiment"]


def test_what_can_be_done_with_the_experiment_of_the_page_follows_its_state_and_who_asks(
    people: dict[str, User | None], owner: User
) -> None:
    experiment = launched(owner)
    here, stop, clone = f"experiment:{experiment.pk}", f"Stop experiment {experiment.pk}", f"Clone experiment {experiment.pk}"
    offered = {name: options(login(people[name]), here=here) for name in ("viewer", "owner", "other", "admin")}
    assert [name for name, titles in offered.items() if stop in titles] == ["owner", "admin"]
    assert [name for name, titles in offered.items() if clone in titles] == ["owner", "other", "admin"]
    done = states.finished(owner)
    titles = options(login(owner), here=f"experiment:{done.pk}")
    assert f"Disagreements of experiment {done.pk}" in titles
    assert f"Stop experiment {done.pk}" not in titles


def test_a_stop_from_the_palette_is_the_stop_of_the_page(page: Client, owner: User) -> None:
    experiment = launched(owner)
    content = page.get("/palette/", {"q": "stop", "here": f"experiment:{experiment.pk}"}).content.decode()
    form = re.search(r'role="option"[^>]*form="([\w-]+)"', content)
    assert form
    address = re.search(rf'id="{form[1]}"\s+method="post"\s+action="([^"]+)"', content)
    assert address
    page.post(address[1], {"do": ""})
    experiment.refresh_from_db()
    assert experiment.stopped_at is not None


@pytest.mark.parametrize(
    ("person", "sees", "misses"),
    [
        ("viewer", {"Queue", "Leaderboard", "Log out"}, {"New experiment", "Upload a data set", "Pause the queue", "People"}),
        ("owner", {"New experiment", "Upload a data set", "Import an experiment"}, {"Pause the queue", "People", "Audit log"}),
        ("admin", {"New experiment", "Pause the queue", "People", "Audit log"}, {"Resume the queue"}),
    ],
)
def test_commands_are_those_that_the_account_may_use(
    people: dict[str, User | None], person: str, sees: set[str], misses: set[str]
) -> None:
    titles = set(options(login(people[person])))
    assert sees <= titles
    assert not misses & titles


def test_a_paused_queue_is_offered_to_be_resumed(people: dict[str, User | None]) -> None:
    admin = people["admin"]
    assert admin
    queue.pause(admin, "for a while")
    assert options(login(admin), "queue") == ["Resume the queue", "Queue"]


def test_every_page_of_the_palette_opens(admin_client: Client) -> None:
    content = admin_client.get("/palette/").content.decode()
    addresses = re.findall(r'<a\s+role="option"[^>]*href="([^"]+)"', content)
    assert len(addresses) > 12
    assert {path: admin_client.get(path).status_code for path in addresses if admin_client.get(path).status_code != 200} == {}
    assert all(resolve(path) for path in re.findall(r'action="([^"]+)"', content))


def test_every_word_of_the_text_begins_a_word_of_a_command(page: Client) -> None:
    assert options(page, "data up") == ["Upload a data set"]
    assert "Switch between light and dark" in options(page, "dark")
    assert options(page, "ark theme") == []


def test_names_in_the_palette_are_escaped(page: Client, owner: User) -> None:
    services.create(owner, spec(name="<script>alert(1)</script>"))
    content = page.get("/palette/?q=alert").content.decode() + page.get("/palette/?q=<script>none").content.decode()
    assert "<script>" not in content


def test_the_number_of_queries_is_the_same_for_any_number_of_records(page: Client, owner: User) -> None:
    def counted(text: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get("/palette/", {"q": text, "recent": "experiment:1 run:1", "here": "experiment:1"})
        return len(captured)

    launched(owner)
    key = Run.objects.order_by("pk")[0].key
    texts = ("", "a", "1", key[:4])
    before = [counted(text) for text in texts]
    for seed in range(3):
        launched(owner, data={"split_seed": seed + 1})
    assert [counted(text) for text in texts] == before
    assert max(before) <= 15


def test_projects_and_saved_views_are_found_and_views_of_others_only_where_they_share_them(page: Client, owner: User) -> None:
    other = User.objects.create_user("grace")
    project = Project.objects.create(name="Ladders of 2026", owner=other)
    SavedView.objects.create(owner=owner, name="Ladders that failed", query="state=failed")
    SavedView.objects.create(owner=other, name="Ladders of grace", query="q=ladder")
    SavedView.objects.create(owner=other, name="Ladders for all", query="q=ladder", shared=True)
    assert options(page, "ladders") == ["Ladders of 2026", "Ladders that failed", "Ladders for all"]
    assert 'href="/experiments/?state=failed"' in page.get("/palette/?q=ladders").content.decode()
    assert options(page, recent=f"project:{project.pk}")[0] == "Ladders of 2026"
