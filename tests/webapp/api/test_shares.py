"""Shares in the API."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched
from tests.factories.explored_experiments import explored
from webapp.accounts.tokens import make_token

pytestmark = pytest.mark.django_db


def api_of(user: User) -> Any:
    client = Client(headers={"authorization": f"Bearer {make_token(user)}"})

    def ask(method: str, path: str, body: object = None) -> Any:
        answer = client.generic(method, f"/api/v1{path}", json.dumps(body or {}), content_type="application/json")
        return answer.status_code, answer.json()

    return ask


def test_an_experiment_is_frozen_linked_and_revoked_by_requests(owner: User) -> None:
    ask, experiment = api_of(owner), explored(owner)
    status, share = ask("POST", f"/experiments/{experiment.pk}/shares", {"title": "By request"})
    assert (status, share["title"], share["live"], len(share["versions"])) == (201, "By request", False, 1)
    status, link = ask("POST", f"/shares/{share['slug']}/links", {"name": "reviewers", "days": 3})
    assert (status, link["state"]) == (201, "open")
    guest, path = Client(), link["url"].removeprefix("http://testserver")
    assert guest.get(path).status_code == 200
    assert guest.get(f"/shared/{share['slug']}/").status_code == 200
    _, (listed,) = ask("GET", "/shares")
    assert [(link["views"], link["url"]) for link in listed["links"]] == [(1, "")]
    assert ask("DELETE", f"/links/{link['id']}")[1]["state"] == "revoked"
    assert guest.get(path).status_code == guest.get(f"/shared/{share['slug']}/").status_code == 404


def test_a_character_that_a_database_may_not_keep_is_refused(owner: User) -> None:
    ask, experiment = api_of(owner), explored(owner)
    for title in ("No\x00thing", "No\ud800thing"):
        status, answer = ask("POST", f"/experiments/{experiment.pk}/shares?live=true", {"title": title, "highlights": []})
        assert status == 422
        assert "cannot be stored" in answer["errors"][0]["message"]


def test_what_cannot_be_shared_is_refused_with_a_sentence(owner: User) -> None:
    ask, experiment = api_of(owner), launched(owner)
    for query in ("", "?live=true"):
        status, answer = ask("POST", f"/experiments/{experiment.pk}/shares{query}")
        assert status == 409
        assert answer["errors"][0]["message"]


def test_somebody_elses_share_is_listed_nowhere_and_cannot_be_opened_to_others(owner: User) -> None:
    ask, experiment = api_of(owner), explored(owner)
    slug = ask("POST", f"/experiments/{experiment.pk}/shares?live=true")[1]["slug"]
    link = ask("POST", f"/shares/{slug}/links")[1]["id"]
    other = api_of(User.objects.create_user("grace"))
    assert other("GET", "/shares") == (200, [])
    refused = [other("POST", f"/shares/{slug}/links")[0], other("DELETE", f"/links/{link}")[0]]
    assert [*refused, other("POST", f"/experiments/{experiment.pk}/shares")[0]] == [403, 403, 403]
