"""One chart in somebody else's page."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.shares import CHOICES, frozen, visitor
from webapp.shares import links

pytestmark = pytest.mark.django_db


def test_a_chart_may_be_framed_by_anybody_and_nothing_else_may(client: Client, owner: User) -> None:
    share = frozen(owner)
    opened, _, token = visitor(share)
    answer = client.get(f"/e/{token}/gap/?pair=0&theme=dark")
    assert answer.status_code == 200
    assert "frame-ancestors *" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer
    page = answer.content.decode()
    assert 'data-theme="dark"' in page
    assert 'data-chart="chart"' in page
    assert CHOICES.title in page
    assert not answer.cookies
    for path in (f"/s/{token}/", f"/shared/{share.slug}/", "/e/wrong/gap/", f"/e/{token}/map/"):
        other = opened.get(path)
        assert "frame-ancestors 'none'" in other["Content-Security-Policy"], path
        assert other["X-Frame-Options"] == "DENY", path


def test_without_a_theme_the_chart_follows_its_reader(client: Client, owner: User) -> None:
    _, _, token = visitor(frozen(owner))
    for query in ("", "?theme=%22%3E%3Cscript%3E"):
        page = client.get(f"/e/{token}/curves/{query}").content.decode()
        assert "data-theme" not in page
        assert "theme.js" in page
        assert "<script>" not in page


def test_what_a_link_with_a_password_protects_is_not_embedded(client: Client, owner: User) -> None:
    _, token = links.make_link(frozen(owner), owner, password="open sesame")
    assert client.get(f"/e/{token}/gap/").content == client.get("/e/wrong/gap/").content
