"""The home page: what an account begins with."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import states
from tests.factories.experiments import spec
from tests.webapp.page_text import text
from webapp.experiments import services


@pytest.mark.parametrize("query", ["state=running", "q=two+words&state=failed&page=2"])
def test_a_bookmark_of_the_list_that_was_at_this_address_leads_to_it(page: Client, query: str) -> None:
    answer = page.get(f"/?{query}")
    assert (answer.status_code, answer["Location"]) == (301, f"/experiments/?{query}")


def test_an_empty_laboratory_shows_the_first_experiment(page: Client) -> None:
    assert "Nothing has run here yet." in text(page, "/")


def test_drafts_of_the_account_are_shown_and_those_of_others_are_not(page: Client, owner: User) -> None:
    services.create(owner, spec(name="Mine, not launched"))
    services.create(User.objects.create_user("grace"), spec(name="Hers, not launched"))
    states.stopped(owner)
    drafts = text(page, "/").partition("Your drafts")[2]
    assert "Mine, not launched" in drafts
    assert "Hers, not launched" not in drafts
    assert "Stopped early" not in drafts
