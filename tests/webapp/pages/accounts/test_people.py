"""The page of all accounts, invitations and links for a new password."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone

from webapp.access import Access, access_of
from webapp.accounts import invitations, people
from webapp.accounts.models import Invitation
from webapp.audit.models import Entry
from webapp.pages.accounts.one_time_links import password_link

LONG = "a long enough passphrase"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def client(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def shown_link(html: str) -> str:
    match = re.search(r'<code id="link">http://testserver(/[^<]+)<', html)
    assert match
    return match[1]


def joined(link: str, name: str = "grace", password: str = LONG) -> int:
    sent = {"username": name, "password1": password, "password2": password}
    return Client().post(link, sent).status_code


def verbs() -> list[str]:
    return list(Entry.objects.exclude(verb="logged-in").order_by("pk").values_list("verb", flat=True))


def test_an_invitation_is_shown_once_opens_one_account_with_its_role_and_is_over(client: Client) -> None:
    answer = client.post("/people/invite/", {"role": int(Access.VIEWER)})
    link = shown_link(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    page = client.get("/people/").content.decode()
    assert link not in page
    assert "a link" in page
    assert joined(link, password="123") == 422
    assert joined(link) == 302
    assert access_of(User.objects.get(username="grace")) == Access.VIEWER
    assert joined(link, "mallory") == 410
    assert not User.objects.filter(username="mallory").exists()
    assert verbs() == ["invited", "joined"]


@pytest.mark.parametrize("name", ["\u0430d\u0430", "ad\u0430", "ADA", "\uff21DA", "a\u200dda", ""])
def test_who_is_invited_gets_no_name_that_looks_like_anothers(root: User, owner: User, name: str) -> None:
    _, secret = invitations.invite(root, Access.MEMBER)
    long = "a long enough passphrase"
    answer = Client().post(f"/join/{secret}/", {"username": name, "password1": long, "password2": long})
    assert answer.status_code == 422
    assert User.objects.count() == 2


def test_revoked_expired_and_wrong_invitations_read_the_same(client: Client, root: User) -> None:
    revoked, expired = (invitations.invite(root, Access.MEMBER) for _ in range(2))
    client.post(f"/people/invitations/{revoked[0].pk}/revoke/")
    Invitation.objects.filter(pk=expired[0].pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    pages = [Client().get(f"/join/{secret}/") for secret in (revoked[1], expired[1], "wrong")]
    assert {page.status_code for page in pages} == {410}
    assert len({page.content for page in pages}) == 1
    assert [joined(f"/join/{secret}/") for secret in (revoked[1], expired[1])] == [410, 410]


def test_who_is_no_admin_any_more_has_invited_nobody(client: Client, root: User, owner: User) -> None:
    people.change_role(root, owner, Access.ADMIN)
    _, secret = invitations.invite(owner, Access.ADMIN)
    other = User.objects.create_superuser("other")
    _, another = invitations.invite(other, Access.ADMIN)
    people.change_role(root, owner, Access.MEMBER)
    people.close(root, other)
    assert [joined(f"/join/{invitation_secret}/") for invitation_secret in (secret, another)] == [410, 410]
    for invitation_secret in (secret, another):
        with pytest.raises(invitations.Closed):
            invitations.accept(invitation_secret, User(username="mallory"))
    assert not invitations.standing()


def test_an_invitation_that_was_used_a_moment_ago_is_not_said_to_be_revoked(root: User) -> None:
    invitation, secret = invitations.invite(root, Access.MEMBER)
    invitations.accept(secret, User(username="grace"))
    invitations.revoke(root, invitation)  # which was looked up before
    invitation.refresh_from_db()
    assert invitation.revoked_at is None
    assert verbs() == ["invited", "joined"]


def test_of_an_invitation_only_the_digest_is_kept(root: User) -> None:
    _, secret = invitations.invite(root, Access.MEMBER)
    assert secret not in str([*Invitation.objects.values(), *Entry.objects.values()])


def test_two_who_open_the_same_invitation_at_once_become_one_account(root: User) -> None:
    _, secret = invitations.invite(root, Access.MEMBER)
    invitations.accept(secret, User(username="grace"))
    with pytest.raises(invitations.Closed):
        invitations.accept(secret, User(username="mallory"))
    assert not User.objects.filter(username="mallory").exists()


def test_with_email_the_invitation_is_sent_and_not_shown(client: Client, settings: Any) -> None:
    settings.MAIL = True
    answer = client.post("/people/invite/", {"role": int(Access.MEMBER), "email": "grace@example.org"}, follow=True)
    [sent] = mail.outbox
    assert sent.to == ["grace@example.org"]
    link = re.search(r"http://testserver(/join/\S+)", str(sent.body))
    assert link
    assert link[1] not in answer.content.decode()
    assert joined(link[1]) == 302
    assert User.objects.get(username="grace").email == "grace@example.org"


def test_an_invitation_that_could_not_be_sent_is_shown(client: Client, settings: Any) -> None:
    settings.MAIL = True
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        9,
    )
    answer = client.post("/people/invite/", {"role": int(Access.MEMBER), "email": "grace@example.org"})
    assert joined(shown_link(answer.content.decode())) == 302


def test_a_password_link_of_an_admin_works_once_and_logs_in(client: Client, owner: User) -> None:
    link = shown_link(client.post(f"/people/{owner.pk}/reset/").content.decode())
    visitor = Client()
    form = visitor.get(link, follow=True)
    assert link.split("/")[-2] not in form.request["PATH_INFO"]  # the token is not in the address any more
    sent = {"new_password1": LONG, "new_password2": LONG}
    assert visitor.post(form.request["PATH_INFO"], sent).status_code == 302
    assert visitor.get("/account/").status_code == 200
    assert Client().get(link, follow=True).status_code == 410
    assert Client().post("/login/", {"username": "ada", "password": LONG}).status_code == 302
    assert verbs() == ["reset-made", "password-reset"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_hold_a_password_link_the_first_sets_the_password(owner: User) -> None:
    link, long, pages = password_link("", owner), "weak to strong 2023", []
    for _ in range(2):
        client = Client()
        pages.append((client, client.get(link)["Location"]))
    codes = [
        client.post(page, {"new_password1": f"{long} {number}", "new_password2": f"{long} {number}"}).status_code
        for number, (client, page) in enumerate(pages)
    ]
    owner.refresh_from_db()
    assert codes == [302, 410]
    assert owner.check_password(f"{long} 0")


def test_a_closed_account_gets_no_password_link_and_one_made_before_is_over(client: Client, owner: User) -> None:
    link = shown_link(client.post(f"/people/{owner.pk}/reset/").content.decode())
    client.post(f"/people/{owner.pk}/close/")
    assert client.post(f"/people/{owner.pk}/reset/").status_code == 404
    assert Client().get(link, follow=True).status_code == 410


def test_without_email_nobody_is_offered_one_and_with_it_the_link_comes_by_it(owner: User, settings: Any) -> None:
    visitor = Client()
    assert "/password/forgotten/" not in visitor.get("/login/").content.decode()
    assert visitor.get("/password/forgotten/").status_code == 404
    settings.MAIL = True
    User.objects.filter(pk=owner.pk).update(email="ada@example.org")
    assert "/password/forgotten/" in visitor.get("/login/").content.decode()
    answers = [
        visitor.post("/password/forgotten/", {"email": email}, follow=True) for email in ("ada@example.org", "no@example.org")
    ]
    assert len({re.sub(r'value="\w{64}"', "", answer.content.decode()) for answer in answers}) == 1
    [sent] = mail.outbox
    link = re.search(r"http://testserver(/password/reset/\S+)", str(sent.body))
    assert link
    assert visitor.get(link[1], follow=True).status_code == 200


def test_roles_are_changed_and_accounts_closed_by_buttons_and_what_may_not_be_is_said(
    client: Client, root: User, owner: User
) -> None:
    client.post(f"/people/{owner.pk}/role/", {"role": int(Access.VIEWER)})
    assert access_of(User.objects.get(pk=owner.pk)) == Access.VIEWER
    answer = client.post(f"/people/{root.pk}/role/", {"role": int(Access.VIEWER)}, follow=True)
    assert "You cannot remove your own admin rights" in answer.content.decode()
    client.post(f"/people/{owner.pk}/close/")
    assert "closed" in client.get("/people/").content.decode()
    client.post(f"/people/{owner.pk}/reopen/")
    assert User.objects.get(pk=owner.pk).is_active
