"""Logins: the number of attempts, and the entries in the audit log."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db.models import F
from django.test import AsyncClient, Client

from webapp.audit.models import Entry

RIGHT = {"username": "ada", "password": "difference engine"}
WRONG = {"username": "ada", "password": "analytical engine"}


@pytest.fixture
def client(owner: User) -> Client:
    return Client(REMOTE_ADDR="192.0.2.1")


def tried(client: Client, times: int, **changes: Any) -> list[int]:
    return [client.post("/login/", WRONG | changes).status_code for _ in range(times)]


def entries() -> list[tuple[str, str, str]]:
    return list(Entry.objects.order_by("pk").values_list("name", "verb", "title"))


def test_the_tenth_wrong_password_locks_the_name_for_this_address_also_for_the_right_one(client: Client) -> None:
    assert tried(client, 10) == [200] * 9 + [429]
    answer = client.post("/login/", RIGHT)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 15 * 60
    assert re.search(r"Try again in 15 minutes, at \d\d:\d\d UTC", answer.content.decode())
    assert Client(REMOTE_ADDR="192.0.2.2").post("/login/", RIGHT).status_code == 302
    User.objects.create_user("grace", password="nanoseconds")
    assert client.post("/login/", {"username": "grace", "password": "nanoseconds"}).status_code == 302


def test_another_browser_is_no_other_person(client: Client) -> None:
    for number in range(10):
        client.post("/login/", WRONG, headers={"user-agent": f"browser {number}"})
    assert client.post("/login/", RIGHT).status_code == 429


def test_tries_at_a_lock_do_not_prolong_it_and_after_fifteen_minutes_it_is_open(client: Client) -> None:
    tried(client, 10)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=14, seconds=50))
    answer = client.post("/login/", RIGHT)
    assert (answer.status_code, int(answer["Retry-After"]) <= 10) == (429, True)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(seconds=11))
    assert client.post("/login/", RIGHT).status_code == 302


def test_who_gets_in_begins_anew(client: Client) -> None:
    tried(client, 9)
    assert client.post("/login/", RIGHT).status_code == 302
    client.post("/logout/")
    assert tried(client, 9) == [200] * 9


def test_the_login_of_the_admin_site_has_the_same_lock(client: Client) -> None:
    for _ in range(10):
        client.post("/admin/login/", WRONG)
    assert client.post("/login/", RIGHT).status_code == 429


@pytest.mark.django_db(transaction=True)
async def test_the_lock_is_the_same_behind_asgi(owner: User) -> None:
    client = AsyncClient()
    answers = [await client.post("/login/", WRONG) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200] * 9 + [429]
    assert "Too many tries." in answers[-1].content.decode()
    assert int(answers[-1]["Retry-After"]) > 14 * 60


def test_logins_are_told_and_a_lock_once_and_not_each_try_at_it(client: Client) -> None:
    client.post("/login/", RIGHT)
    client.post("/logout/")
    tried(client, 14, username="nobody")
    assert entries() == [("ada", "logged-in", "ada"), ("", "login-refused", "nobody")]
    assert [entry.details for entry in Entry.objects.all()] == [{"from": "192.0.2.1"}] * 2
    assert "analytical" not in str(list(AccessAttempt.objects.values()))
