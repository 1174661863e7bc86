"""The page of a link: who is let in, what it tells chat tools, and that closed links cannot be shown apart."""

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.factories.shares import CHOICES, frozen, visitor
from webapp.share_pages import link_pages
from webapp.shares import links
from webapp.shares.models import Link, Share

pytestmark = pytest.mark.django_db


@pytest.fixture
def share(owner: User) -> Share:
    return frozen(owner)


def test_a_link_leaves_a_cookie_for_its_share_alone_and_goes_on_without_the_token(client: Client, share: Share) -> None:
    _, token = links.make_link(share, share.owner)
    answer = client.get(f"/s/{token}/")
    page, path = answer.content.decode(), f"/shared/{share.slug}/"
    cookie = answer.cookies["share"]
    assert answer.status_code == 200
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (path, True, "Lax")
    assert 0 < cookie["max-age"] - 30 * 86_400 + 60 < 120
    assert list(answer.cookies) == ["share"]
    assert f'<meta http-equiv="refresh" content="0; url={path}">' in page
    assert f'data-to="{path}"' in page
    assert client.get(path).status_code == 200
    assert token not in client.get(path).content.decode()


def test_the_cookie_is_for_encrypted_connections_where_the_laboratory_has_them(
    client: Client, share: Share, settings: pytest.FixtureRequest
) -> None:
    settings.SESSION_COOKIE_SECURE = True  # type: ignore[attr-defined]
    _, token = links.make_link(share, share.owner)
    assert client.get(f"/s/{token}/").cookies["share"]["secure"] is True


def test_chat_tools_are_told_title_claim_and_picture(client: Client, share: Share) -> None:
    _, token = links.make_link(share, share.owner)
    page = client.get(f"/s/{token}/").content.decode()
    assert f'<meta property="og:title" content="{CHOICES.title}">' in page
    assert re.search(r'<meta property="og:description" content="[^"]*(gap|ceiling|PGR)[^"]*">', page)
    assert f'<meta property="og:image" content="http://testserver/s/{token}/card.png">' in page
    assert client.get(f"/s/{token}/card.png").content.startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [{"previews": False}, {"password": "open sesame"}])
def test_a_protected_link_tells_chat_tools_nothing(client: Client, share: Share, options: dict[str, object]) -> None:
    _, token = links.make_link(share, share.owner, **options)  # type: ignore[arg-type]
    page = client.get(f"/s/{token}/").content.decode()
    assert "og:" not in page
    assert CHOICES.title not in page
    assert client.get(f"/s/{token}/card.png").status_code == 404


def test_a_password_is_asked_for_once_and_no_cookie_is_left_without_it(share: Share) -> None:
    _, token = links.make_link(share, share.owner, password="correct horse")
    client = Client(enforce_csrf_checks=True)  # as a browser that sends neither referrer nor origin
    prompt, refused = client.get(f"/s/{token}/"), client.post(f"/s/{token}/", {"password": "wrong"})
    assert (prompt.status_code, refused.status_code) == (200, 403)
    assert "This is not the password." in refused.content.decode()
    assert not client.cookies
    assert client.get(f"/shared/{share.slug}/").status_code == 404
    assert client.post(f"/s/{token}/", {"password": "correct horse"}).status_code == 200
    assert client.get(f"/shared/{share.slug}/").status_code == 200


def test_a_password_that_is_tried_too_often_is_not_tried_any_more_from_there(client: Client, share: Share) -> None:
    reader, _, token = visitor(share, password="correct horse")
    there, elsewhere = "192.0.2.7", "192.0.2.8"
    reader.post(f"/s/{token}/", {"password": "correct horse"}, REMOTE_ADDR=there)
    tried = [client.post(f"/s/{token}/", {"password": str(attempt)}, REMOTE_ADDR=there).status_code for attempt in range(10)]
    assert tried == [403] * 9 + [429]
    assert client.post(f"/s/{token}/", {"password": "correct horse"}, REMOTE_ADDR=there).status_code == 429
    assert not client.cookies
    assert reader.get(f"/shared/{share.slug}/", REMOTE_ADDR=there).status_code == 200, "who is in stays in"
    assert client.post(f"/s/{token}/", {"password": "correct horse"}, REMOTE_ADDR=elsewhere).status_code == 200


def test_guesses_from_everywhere_are_slowed_and_lock_nobody_out(
    client: Client, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = links.make_link(share, share.owner, password="correct horse")
    paused: list[float] = []
    monkeypatch.setattr(link_pages, "time", SimpleNamespace(sleep=paused.append))
    monkeypatch.setattr(
        link_pages, "password_fits", lambda link, password: password == "correct horse"
    )  # the hash, of which each costs much
    for attempt in range(200):
        answer = client.post(f"/s/{token}/", {"password": str(attempt)}, REMOTE_ADDR=f"198.51.100.{attempt}")
        assert answer.status_code == 403
    assert paused[: links.FREE_TRIES] == [0.0] * links.FREE_TRIES
    assert paused[links.FREE_TRIES :] == sorted(paused[links.FREE_TRIES :])
    assert paused[-1] == links.LONGEST_PAUSE_SECONDS
    assert client.post(f"/s/{token}/", {"password": "correct horse"}, REMOTE_ADDR="203.0.113.5").status_code == 200


def test_wrong_expired_and_revoked_links_are_one_page(client: Client, share: Share) -> None:
    opened, link, token = visitor(share)
    paths = (f"/s/{token}/", f"/s/{token}/card.png", f"/e/{token}/gap/")
    own = (f"/shared/{share.slug}/", f"/shared/{share.slug}/v1/", f"/shared/{share.slug}/v1/charts/gap-0.csv")
    never = client.get("/s/never-was-one/")

    def shown(response: Any) -> tuple[int, bytes, str]:
        """Return all that a visitor sees of an answer, without the name of the request, which no two share."""
        headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
        return response.status_code, response.content, str(sorted(headers.items()))

    def answers() -> set[tuple[int, bytes, str]]:
        responses = [client.get(path) for path in paths] + [opened.get(path) for path in own]
        responses += [client.get("/shared/aaaaaaaaaaaa/"), client.get(own[0]), client.get("/e/never-was-one/gap/")]
        return {*map(shown, responses)}

    assert never.status_code == 404
    expected = {shown(never)}
    Link.objects.filter(pk=link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert answers() == expected
    Link.objects.filter(pk=link.pk).update(expires_at=timezone.now() + timedelta(days=1), revoked_at=timezone.now())
    assert answers() == expected


def test_nothing_behind_a_link_is_kept_indexed_or_passed_on(client: Client, share: Share) -> None:
    opened, _, token = visitor(share)
    slug = share.slug
    paths = (
        f"/s/{token}/",
        "/s/wrong/",
        f"/shared/{slug}/",
        f"/shared/{slug}/v1/charts/gap-0.csv",
        "/shared/a/b/c",
        f"/e/{token}/gap/",
    )
    for path in paths:
        headers = opened.get(path).headers
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert headers["X-Robots-Tag"] == "noindex, nofollow", path
        assert headers["Cache-Control"] == "private, no-store", path
        assert "script-src 'self'" in headers["Content-Security-Policy"], path
