"""The page of your own account."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from webapp.access import VIEWERS
from webapp.accounts import tokens
from webapp.accounts.models import Token


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def test_a_token_is_shown_once_and_works(client: Client) -> None:
    answer = client.post("/account/tokens/", {"name": "notebook", "scope": "read", "days": "30"})
    match = re.search(r'"secret">([\w-]{43})<', answer.content.decode())
    assert match
    secret = match[1]
    assert "no-store" in answer["Cache-Control"]
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/schema").status_code == 200
    page = client.get("/account/").content.decode()
    assert secret not in page
    assert secret[:6] in page


def test_a_token_needs_a_name_and_a_viewer_gets_none_that_writes(client: Client, owner: User) -> None:
    assert client.post("/account/tokens/", {"name": "", "scope": "read", "days": ""}).status_code == 422
    owner.groups.add(Group.objects.get_or_create(name=VIEWERS)[0])
    assert client.post("/account/tokens/", {"name": "x", "scope": "write", "days": ""}).status_code == 422
    assert client.post("/account/tokens/", {"name": "x", "scope": "read", "days": ""}).status_code == 200
    assert [(token.scope, token.expires_at) for token in Token.objects.all()] == [("read", None)]


def test_only_the_owner_of_a_token_revokes_it(client: Client, owner: User) -> None:
    own, hers = (tokens.make(user, "x")[0] for user in (owner, User.objects.create_user("grace")))
    assert client.post(f"/account/tokens/{own.pk}/revoke/").status_code == 302
    assert client.post(f"/account/tokens/{hers.pk}/revoke/").status_code == 404
    assert {token.user.username for token in Token.objects.filter(revoked_at=None)} == {"grace"}


def test_name_and_email_are_changed_but_not_to_somebody_elses(client: Client, owner: User) -> None:
    User.objects.create_user("grace", email="Grace@example.org")
    sent = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org"}
    assert client.post("/account/", sent).status_code == 302
    answer = client.post("/account/", sent | {"email": "grace@EXAMPLE.org"})
    assert answer.status_code == 422
    assert "Another account has this e-mail." in answer.content.decode()
    owner.refresh_from_db()
    assert (owner.get_full_name(), owner.email) == ("Ada Lovelace", "ada@example.org")
    assert "ada</summary>" in client.get("/account/").content.decode()
