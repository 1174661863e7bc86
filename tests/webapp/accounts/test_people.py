"""Changes of roles and accounts, and the rule that one administrator remains."""

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from webapp.access import Access, access_of
from webapp.accounts import people, tokens
from webapp.audit.models import Entry, Verb


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


def entries() -> list[tuple[str, str, str]]:
    """Return account, verb and title of each entry, the oldest first."""
    return list(
        Entry.objects.exclude(verb__in=(Verb.LOGGED_IN, Verb.TOKEN_MADE)).order_by("pk").values_list("name", "verb", "title")
    )


@pytest.mark.parametrize("before", list(people.ROLES))
@pytest.mark.parametrize("now", list(people.ROLES))
def test_every_role_becomes_every_other(root: User, owner: User, before: Access, now: Access) -> None:
    people.change_role(root, owner, before)
    people.change_role(root, owner, now)
    owner = User.objects.get(pk=owner.pk)
    assert access_of(owner) == people.role_of(owner) == now


def test_nobody_takes_admin_rights_from_himself_so_that_the_last_admin_stays(root: User) -> None:
    with pytest.raises(ValueError, match="You cannot remove your own admin rights"):
        people.change_role(root, root, Access.VIEWER)
    with pytest.raises(ValueError, match="You cannot remove your own admin rights"):
        people.close(root, root)
    assert access_of(User.objects.get(pk=root.pk)) == Access.ADMIN
    assert entries() == []


def test_who_was_deposed_a_moment_ago_deposes_nobody(root: User, owner: User) -> None:
    User.objects.create_superuser("a third")
    people.change_role(root, owner, Access.ADMIN)
    people.change_role(owner, root, Access.MEMBER)
    with pytest.raises(ValueError, match="not an admin any more"):
        people.change_role(root, owner, Access.MEMBER)


def test_a_closed_account_is_logged_out_everywhere_and_its_tokens_are_gone_also_when_it_is_opened_again(
    root: User, owner: User
) -> None:
    browser, other = Client(), Client()
    browser.force_login(owner)
    other.force_login(root)
    secret = tokens.make_token(owner)
    people.close(root, owner)
    assert browser.get("/").status_code == 302
    assert Session.objects.count() == 1
    people.reopen(root, owner)
    assert browser.get("/").status_code == 302
    assert other.get("/").status_code == 200
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/schema").status_code == 401
    assert entries() == [("root", "deactivated", "ada"), ("root", "reactivated", "ada")]
