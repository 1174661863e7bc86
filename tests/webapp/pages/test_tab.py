"""The title and the icon of a tab: progress first, then the end."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import states
from tests.factories.experiments import spec
from webapp.experiments import services
from webapp.experiments.models import Experiment, Status
from webapp.pages.tab import tab


@pytest.mark.parametrize(
    ("state", "title", "icon"),
    [
        ("draft", "#7 Ladder", ""),
        ("waiting", "queued · #7 Ladder", ""),
        ("running", "42% · #7 Ladder", "running"),
        ("stopping", "stopping · #7 Ladder", "running"),
        ("finished", "done · #7 Ladder", "done"),
        ("failed", "failed · #7 Ladder", "failed"),
        ("stopped", "stopped · #7 Ladder", ""),
    ],
)
def test_a_tab_says_the_progress_and_then_the_end_before_the_name(state: str, title: str, icon: str) -> None:
    shown = tab(state, lambda: 42.9, "#7 Ladder")
    assert (shown.title, shown.icon) == (title, icon)


def shown_tab(page: Client, path: str) -> tuple[str, str, str]:
    """Return the title of the page, and the title and the icon that its changing part has for the tab."""
    html = page.get(path).content.decode()
    title = re.search(r"<title>(.*) · Weak-to-strong Lab</title>", html)
    part = re.search(r'data-tab-title="([^"]*)"\s+data-tab-icon="(\w*)"', html)
    assert title
    assert part
    return title[1], part[1], part[2]


def test_pages_of_experiments_and_runs_have_the_tab_of_their_state(page: Client, owner: User) -> None:
    def of(experiment: Experiment) -> tuple[str, str, str]:
        return shown_tab(page, f"/experiments/{experiment.pk}/")

    running, failed = states.running(owner), states.failed(owner)
    title = of(running)[0]
    assert re.fullmatch(rf"\d+% · #{running.pk} {running.name}", title)
    assert of(running) == (title, title, "running")
    assert of(failed) == (f"failed · #{failed.pk} {failed.name}",) * 2 + ("failed",)
    draft = services.create(owner, spec(name="Not yet"))
    assert of(draft) == (f"#{draft.pk} Not yet",) * 2 + ("",)
    run = running.runs.filter(status=Status.RUNNING)[0]
    assert shown_tab(page, f"/runs/{run.pk}/") == (f"62% · Run {run.pk}",) * 2 + ("running",)
    run = running.runs.filter(status=Status.FINISHED)[0]
    assert shown_tab(page, f"/runs/{run.pk}/") == (f"done · Run {run.pk}",) * 2 + ("done",)


def test_the_fragment_that_renews_a_page_has_its_tab(page: Client, owner: User) -> None:
    experiment = states.failed(owner)
    assert f'data-tab-title="failed · #{experiment.pk}' in page.get(f"/experiments/{experiment.pk}/status/").content.decode()
