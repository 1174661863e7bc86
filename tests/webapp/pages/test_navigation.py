"""The navigation marks its place on every page."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern

from tests.factories import states
from webapp.pages.navigation import MENU, PLACES
from webapp.pages.urls import urlpatterns as pages
from webapp.share_pages.urls import urlpatterns as sharing

pytestmark = pytest.mark.usefixtures("called")

STRANGERS = {
    *("login-link", "login", "sso", "sso-return", "logout", "join", "forgotten", "password-reset"),
    *("door", "preview-card", "embed"),
}
"""Addresses for people without a login; they have no navigation."""


def test_every_address_of_an_account_belongs_to_one_place() -> None:
    known = [name for names in PLACES.values() for name in names]
    named = {pattern.name for pattern in [*pages, *sharing] if isinstance(pattern, URLPattern) and pattern.name}
    shared = {name for name in named if name.startswith(("shared", "shares"))}  # pages of a share have a frame of their own
    assert len(known) == len(set(known))
    assert named - set(known) - STRANGERS - shared == set()


@pytest.mark.parametrize(
    ("path", "place", "exactly"),
    [
        ("/", "Home", True),
        ("/experiments/", "Experiments", True),
        ("/leaderboard/", "Experiments", False),
        ("/compare/", "Experiments", False),
        ("/experiments/import/", "Experiments", False),
        ("/experiments/{pk}/", "Experiments", False),
        ("/experiments/{pk}/manage/", "Experiments", False),
        ("/experiments/{pk}/share/", "Experiments", False),
        ("/experiments/{pk}/diagnostics/", "Experiments", False),
        ("/experiments/new/", "New", True),
        ("/datasets/", "Data sets", True),
        ("/datasets/upload/", "Data sets", False),
        ("/datasets/movie-reviews/", "Data sets", False),
        ("/queue/", "Queue", True),
        ("/workers/", "Workers", True),
        ("/shares/", "Shares", True),
        ("/account/", "Your account", True),
        ("/api/", "Your account", False),
        ("/password/", "Your account", False),
        ("/people/", "People", True),
        ("/audit/", "Audit log", True),
    ],
)
def test_the_navigation_marks_one_place_on_every_page(
    admin_client: Client, owner: User, path: str, place: str, exactly: bool
) -> None:
    experiment = states.finished(owner) if "{pk}" in path else None
    html = admin_client.get(path.format(pk=experiment.pk if experiment else 0)).content.decode()
    header = html[html.index("<header") : html.index("</header>")]
    marked = re.findall(r'<a [^>]*aria-current="(\w+)"[^>]*>([^<]+)</a>', header)
    assert marked == [("page" if exactly else "true", place)]
    in_menu = place in {"Shares", "Your account", "People", "Audit log"}
    assert ('<summary class="here">' in header) == in_menu


def test_the_places_of_the_menu_are_places() -> None:
    assert set(MENU) <= set(PLACES)
