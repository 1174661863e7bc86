"""The audit log in the API is that of the page, for administrators."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.accounts.tokens import make_token
from webapp.audit.models import Verb
from webapp.audit.services import tell


@pytest.fixture
def client(owner: User) -> Client:
    """A client of an administrator, after three acts of two people."""
    root = User.objects.create_superuser("root")
    client = Client(headers={"authorization": f"Bearer {make_token(root)}"})
    tell(owner, Verb.LAUNCHED, "experiment", 7, "Deep probes", runs=20)
    tell(owner, Verb.STOPPED, "experiment", 7, "Deep probes")
    tell(root, Verb.DELETED, "experiment", 8, "Another")
    return client


def audit_log(client: Client, query: str) -> Any:
    return client.get(f"/api/v1/audit{query}").json()


def acts(client: Client, query: str) -> list[str]:
    return [
        f"{entry['name']} {entry['verb']} {entry['key']}"
        for entry in audit_log(client, query)["entries"]
        if entry["about"] == "experiment"
    ]


def test_the_newest_entry_is_first_and_filters_combine(client: Client) -> None:
    assert acts(client, "") == ["root deleted 8", "ada stopped 7", "ada launched 7"]
    assert acts(client, "?who=ada&verb=launched") == ["ada launched 7"]
    assert acts(client, "?text=probes") == acts(client, "?text=%237") == ["ada stopped 7", "ada launched 7"]
    assert audit_log(client, "?verb=launched")["entries"][0]["details"] == {"runs": 20}


def test_pages_follow_each_other_and_behind_the_last_one_is_nothing(client: Client) -> None:
    pages = [audit_log(client, f"?who=ada&per_page=1&page={number}") for number in (1, 2, 3)]
    assert [[entry["verb"] for entry in page["entries"]] for page in pages] == [["stopped"], ["launched"], []]
    assert [(page["pages"], page["total"]) for page in pages] == [(2, 2)] * 3


def test_members_are_refused_with_a_sentence(client: Client, owner: User) -> None:
    answer = Client(headers={"authorization": f"Bearer {make_token(owner)}"}).get("/api/v1/audit")
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (403, "This is for administrators.")
