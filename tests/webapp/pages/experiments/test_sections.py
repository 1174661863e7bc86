"""The sections of an experiment's page: all are in the page, and the address determines the visible one."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import states
from webapp.experiments.models import Experiment

pytestmark = pytest.mark.usefixtures("called")


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.mark.parametrize(
    ("query", "section"),
    [
        ("", "result"),
        ("?section=errors", "errors"),
        ("?section=notes", "notes"),
        ("?section=pairs", "result"),
        ("?section=nothing", "result"),
    ],
)
def test_the_address_says_which_section_is_shown_and_all_of_them_are_in_the_page(
    client: Client, owner: User, query: str, section: str
) -> None:
    experiment = states.finished(owner)
    html = client.get(f"{states.address(experiment)}{query}").content.decode()
    assert states.shown(html) == section
    assert re.search(rf'href="\?section={section}" aria-current="true"', html)
    assert html.count("</h2>") > 8
    for words in ("Paired differences", "Supervisor to student", "Stop rules", "Every seed", "Archive for download"):
        assert words in html


def test_one_table_of_errors_stands_for_all_methods_and_the_address_says_whose(client: Client, owner: User) -> None:
    experiment = states.finished(owner)
    html = client.get(f"{states.address(experiment)}?section=errors&method=1").content.decode()
    assert (states.shown(html), states.shown(html, "method")) == ("errors", "1")
    assert html.count("<h2>Supervisor to student</h2>") == 1
    assert 'href="?section=errors&amp;method=0#errors"' in html
    for unknown in ("", "&method=7", "&method=x", "&method=-1"):
        assert states.shown(client.get(f"{states.address(experiment)}?section=errors{unknown}").content.decode(), "method") == "0"


def test_of_several_pairs_the_page_first_shows_all_and_a_link_to_a_pair_keeps_the_section(client: Client, owner: User) -> None:
    experiment = states.ladder(owner)
    html = client.get(states.address(experiment)).content.decode()
    assert states.shown(html) == "pairs"
    assert 'href="?pair=1&amp;section=result"' in html
    html = client.get(f"{states.address(experiment)}?pair=2&section=errors").content.decode()
    assert states.shown(html) == "errors"
    assert 'href="?pair=3&amp;section=errors"' in html
    assert 'href="?pair=2&amp;section=notes"' in html


def test_a_failure_to_compute_the_result_is_said_in_every_section(client: Client, owner: User) -> None:
    experiment = states.running(owner)
    Experiment.objects.filter(pk=experiment.pk).update(result_error="It has no rows.")
    html = client.get(states.address(experiment)).content.decode()
    assert html.index("It has no rows.") < html.index('id="sections"')
