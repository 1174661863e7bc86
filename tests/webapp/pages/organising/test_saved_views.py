"""Saved views of the list of experiments, as their forms send them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.organising import services
from webapp.organising.models import SavedView


def test_a_view_is_saved_under_a_name_and_its_list_is_shown_again(page: Client) -> None:
    answer = page.post("/views/", {"name": "Done", "query": "state=finished&page=3", "shared": "1"}, follow=True)
    assert "The view Done is saved." in answer.content.decode()
    assert answer.redirect_chain == [("/experiments/?state=finished", 302)]
    assert SavedView.objects.get().shared


def test_a_view_without_a_name_is_refused_and_the_filters_stay(page: Client) -> None:
    answer = page.post("/views/", {"name": " ", "query": "state=finished"}, follow=True)
    assert "A name has 1 to 80 characters," in answer.content.decode()
    assert answer.redirect_chain == [("/experiments/?state=finished", 302)]


@pytest.mark.parametrize(("person", "shared", "status"), [("other", False, 404), ("other", True, 403), ("admin", True, 302)])
def test_a_view_is_deleted_by_its_owner_and_a_shared_one_by_administrators(
    people: dict[str, User | None], person: str, shared: bool, status: int
) -> None:
    owner, user, client = people["owner"], people[person], Client()
    assert owner
    assert user
    view = services.save_view(owner, "Done", "state=finished", shared)
    client.force_login(user)
    assert client.post(f"/views/{view.pk}/delete/").status_code == status
    assert SavedView.objects.exists() == (status != 302)
    client.force_login(owner)
    client.post(f"/views/{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_a_view_has_no_value_that_its_list_would_refuse(page: Client) -> None:
    answer = page.post("/views/", {"name": "Strange", "query": "q=a%00b&state=nonsense&project=none&after=x"}, follow=True)
    assert answer.redirect_chain == [("/experiments/?project=none", 302)]
    assert answer.status_code == 200
