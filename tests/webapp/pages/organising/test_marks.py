"""Tags and the star on the page of an experiment."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import spec
from tests.webapp.page_text import text
from webapp.experiments import services
from webapp.experiments.models import Experiment


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return services.create(owner, spec(name="Two probes"))


@pytest.fixture
def grace(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("grace"))
    return client


def test_every_member_tags_and_those_who_may_remove_a_tag_are_offered_it(
    page: Client, grace: Client, experiment: Experiment
) -> None:
    address = f"/experiments/{experiment.pk}/"
    page.post(f"{address}tags/", {"tag": "#Paper", "do": "tag"})
    assert "remove the tag paper" not in grace.get(address).content.decode()
    grace.post(f"{address}tags/", {"tag": "ablation", "do": "tag"})
    assert "remove the tag ablation" in grace.get(address).content.decode()
    assert "remove the tag ablation" in page.get(address).content.decode()
    assert grace.post(f"{address}tags/", {"tag": "paper", "do": "untag"}).status_code == 403
    page.post(f"{address}tags/", {"tag": "ablation", "do": "untag"})
    assert [tag.name for tag in experiment.tags.all()] == ["paper"]


def test_an_invalid_tag_is_refused_with_the_rule(page: Client, experiment: Experiment) -> None:
    answer = page.post(f"/experiments/{experiment.pk}/tags/", {"tag": "!", "do": "tag"}, follow=True)
    assert "A tag has 1 to 40 letters" in answer.content.decode()
    assert not experiment.tags.exists()


def test_a_star_is_pressed_for_the_account_alone_and_leads_back_to_where_it_was(
    page: Client, grace: Client, experiment: Experiment
) -> None:
    address = f"/experiments/{experiment.pk}/"
    answer = page.post(f"{address}favourite/", {"favourite": "1", "back": f"{address}?section=notes"})
    assert answer["Location"] == f"{address}?section=notes"
    assert 'aria-pressed="true"' in page.get(address).content.decode()
    assert 'aria-pressed="false"' in grace.get(address).content.decode()
    answer = page.post(f"{address}favourite/", {"favourite": "0"}, headers={"hx-request": "true"})
    assert 'aria-pressed="false"' in answer.content.decode()
    assert 'value="1"' in answer.content.decode()


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_no_form_leads_to_another_site(page: Client, experiment: Experiment, back: str) -> None:
    answer = page.post(f"/experiments/{experiment.pk}/favourite/", {"favourite": "1", "back": back})
    assert answer["Location"] == "/experiments/"


def test_a_viewer_may_keep_favourites_and_add_no_tags(people: dict[str, User | None], experiment: Experiment) -> None:
    client = Client()
    assert people["viewer"]
    client.force_login(people["viewer"])
    address = f"/experiments/{experiment.pk}/"
    assert "Add a tag" not in client.get(address).content.decode()
    assert client.post(f"{address}tags/", {"tag": "paper", "do": "tag"}).status_code == 403
    assert client.post(f"{address}favourite/", {"favourite": "1"}).status_code == 302
    assert 'aria-pressed="true"' in client.get(address).content.decode()
    assert "Favourite" not in text(client, address)
