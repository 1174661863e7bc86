"""Links that log in once, and the first password of an account that used one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import base
from django.utils import timezone

from tests.webapp.page_text import text
from webapp.pages.accounts.one_time_links import first_account, welcome_link


def test_a_login_link_works_once_and_goes_where_it_says(client: Client, db: None) -> None:
    link = welcome_link("", "/experiments/new/")
    assert "Log in as admin" in client.get(link).content.decode()
    response = client.post(link)
    assert (response.status_code, response["Location"]) == (302, "/experiments/new/")
    assert client.get("/").status_code == 200
    client.logout()
    for again in (client.get(link), client.post(link)):
        assert again.status_code == 410
        assert "does not log in any more" in again.content.decode()
    assert client.get("/").status_code == 302


def test_a_login_link_is_printed_without_loading_the_pages(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of a laboratory would wait for them, in a process that serves none."""
    monkeypatch.setattr(base, "get_resolver", lambda *_: pytest.fail("the addresses of all pages are read"))
    assert "/login/link/" in welcome_link("http://lab")


def test_who_only_looks_at_a_login_link_does_not_spend_it(client: Client, db: None) -> None:
    link = welcome_link("")
    for method in ("HEAD", "GET", "OPTIONS", "PUT"):
        client.generic(method, link)
        assert client.get("/").status_code == 302
    assert client.post(link).status_code == 302
    assert client.get("/").status_code == 200


def test_a_login_link_is_a_form_that_no_other_site_can_send(db: None) -> None:
    assert Client(enforce_csrf_checks=True).post(welcome_link("")).status_code == 403


def test_a_login_link_does_not_work_again_within_the_second_of_an_earlier_login(client: Client, db: None) -> None:
    user = first_account()
    moment = timezone.now().replace(microsecond=1)
    User.objects.filter(pk=user.pk).update(last_login=moment)
    link = welcome_link("")
    User.objects.filter(pk=user.pk).update(last_login=moment.replace(microsecond=2))
    assert client.post(link).status_code == 410


@pytest.mark.django_db(transaction=True)
def test_of_eight_requests_at_once_one_is_logged_in_by_a_link() -> None:
    link, together = welcome_link(""), Barrier(8)

    def submit(_: int) -> int:
        together.wait()
        try:
            return Client().post(link).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(submit, range(8)))
    assert answers == [302] + [410] * 7


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "/\\elsewhere.example"]
)
def test_a_login_link_never_leads_elsewhere(client: Client, db: None, target: str) -> None:
    assert client.post(welcome_link("", target))["Location"] == "/"


def test_who_came_by_link_sets_a_password_without_an_old_one(client: Client, db: None) -> None:
    client.post(welcome_link(""))
    assert "Set a password" in text(client, "/password/")
    long = "weak to strong 2023"
    assert client.post("/password/", {"new_password1": long, "new_password2": long}).status_code == 302
    client.logout()
    assert client.post("/login/", {"username": "admin", "password": long}).status_code == 302
    assert "Old password" in text(client, "/password/")


def test_logging_out_is_a_post(page: Client) -> None:
    assert page.get("/logout/").status_code == 405
    page.post("/logout/")
    assert page.get("/").status_code == 302
