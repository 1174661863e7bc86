"""Links: what is kept of them, how long they are open, and what looking one up tells."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories.experiments import launched
from webapp.audit.models import Entry
from webapp.shares import links
from webapp.shares.models import Link, Share, Try

pytestmark = pytest.mark.django_db


@pytest.fixture
def share(owner: User) -> Share:
    return Share.objects.create(experiment=launched(owner), owner=owner, title="A share", choices={})


def expire(link: Link) -> None:
    Link.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_a_token_has_256_bits_and_is_kept_only_as_its_hash(share: Share, owner: User) -> None:
    link, token = links.make_link(share, owner)
    assert len(token) >= 43
    assert links.link_of(token) == link
    stored = " ".join(str(value) for value in Link.objects.filter(pk=link.pk).values_list()[0])
    assert token not in stored
    assert links.make_link(share, owner)[1] != token


def test_a_link_is_open_for_30_days_unless_somebody_says_otherwise(share: Share, owner: User) -> None:
    made = [(30, links.make_link(share, owner)), *((days, links.make_link(share, owner, days=days)) for days in (1, 365))]
    for days, (link, _) in made:
        assert abs(link.expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("days", [0, 366, -1])
def test_a_link_is_open_for_a_day_to_a_year(share: Share, owner: User, days: int) -> None:
    with pytest.raises(ValueError, match="1 to 365 days"):
        links.make_link(share, owner, days=days)


def test_a_link_that_has_expired_or_was_revoked_opens_nothing(share: Share, owner: User) -> None:
    for close in (expire, lambda link: links.revoke(link, owner)):
        link, token = links.make_link(share, owner)
        cookie = links.cookie_of(link)
        assert links.link_of(token) == links.visited(cookie, share.slug) == link
        close(link)
        assert links.link_of(token) is None
        assert links.visited(cookie, share.slug) is None


def test_a_cookie_opens_the_share_of_its_link_alone_and_cannot_be_made_up(share: Share, owner: User) -> None:
    other = Share.objects.create(experiment=share.experiment, owner=owner, title="Another", choices={})
    link, _ = links.make_link(share, owner)
    cookie = links.cookie_of(link)
    assert links.visited(cookie, share.slug) == link
    assert links.visited(cookie, other.slug) is None
    for forged in ("", str(link.pk), f"{link.pk}:{cookie.partition(':')[2][::-1]}", cookie.replace(str(link.pk), "999", 1)):
        assert links.visited(forged, share.slug) is None


def test_wrong_expired_and_revoked_links_are_found_out_by_the_same_work(share: Share, owner: User) -> None:
    expired, revoked = links.make_link(share, owner), links.make_link(share, owner)
    expire(expired[0])
    links.revoke(revoked[0], owner)

    def work(find: Callable[..., Link | None], *steps: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert find(*steps) is None
        return [query["sql"].partition(" WHERE ")[0] for query in captured]

    by_token = [work(links.link_of, token) for token in ("x", expired[1], revoked[1])]
    cookies = ("x", links.cookie_of(expired[0]), links.cookie_of(revoked[0]))
    by_cookie = [work(links.visited, cookie, share.slug) for cookie in cookies]
    for done in (by_token, by_cookie):
        assert len(done[0]) == 1
        assert done[0] == done[1] == done[2]


def test_a_password_is_kept_hashed_and_can_be_tried_ten_times_a_minute(share: Share, owner: User) -> None:
    link, _ = links.make_link(share, owner, password="correct horse")
    other, _ = links.make_link(share, owner, password="battery staple")
    assert "correct horse" not in link.password
    assert links.password_fits(link, "correct horse")
    assert not links.password_fits(link, "correct horse ")
    assert not links.password_fits(link, "correct horse" + "x" * 200)
    here = "192.0.2.7"
    assert [links.may_try(link, here) for _ in range(12)] == [True] * 10 + [False] * 2
    assert links.may_try(other, here)
    assert links.may_try(link, "192.0.2.8")
    Try.objects.filter(link=link).update(since=timezone.now() - timedelta(seconds=61))
    assert links.may_try(link, here)
    assert Try.objects.filter(link=link).count() == 1, "counts of earlier minutes go"


def test_one_network_of_ipv6_counts_as_one_address_and_no_address_as_another(share: Share, owner: User) -> None:
    link, _ = links.make_link(share, owner, password="correct horse")
    assert all(links.may_try(link, f"2001:db8::{number:x}") for number in range(10))
    assert not links.may_try(link, "2001:db8::ffff")
    assert links.may_try(link, "2001:db8:0:1::1")
    assert links.may_try(link, "")


@pytest.mark.parametrize("password", ["x", "1234567", "x" * 129])
def test_a_short_or_endless_password_is_refused(share: Share, owner: User, password: str) -> None:
    with pytest.raises(ValueError, match="A password has 8 to 128 characters"):
        links.make_link(share, owner, password=password)
    assert links.make_link(share, owner, password="12345678")[0].password


def test_sharing_and_revoking_are_in_the_audit_log_without_the_token(share: Share, owner: User) -> None:
    link, token = links.make_link(share, owner, name="reviewers")
    links.revoke(link, owner)
    links.revoke(link, owner)
    entries = list(
        Entry.objects.filter(about="share", key=share.slug).order_by("pk").values_list("name", "verb", "details__link")
    )
    assert entries == [("ada", "shared", link.pk), ("ada", "revoked", link.pk)]
    assert not any(token in str(entry.details) for entry in Entry.objects.all())
