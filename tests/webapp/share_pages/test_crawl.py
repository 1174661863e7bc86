"""A crawler that starts from a link, follows what it finds and guesses the rest reaches the share of the link alone."""

import random
import re
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories.explored_experiments import explored, ids_of
from tests.factories.shares import CHOICES, frozen, visitor
from tests.webapp.page_text import links_in
from webapp.access import Access
from webapp.share_pages import views
from webapp.shares import links, services
from webapp.shares.models import Share

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

MOST = 30
"""Guesses for each route."""


HANDED = ("/static/", "/login/", "/admin/login/")
"""Addresses open to everybody: styles, scripts, and the pages on which people log in."""


def routes(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))
        else:
            yield before + str(pattern.pattern), pattern


def guesses(share: Share, other: Share, token: str) -> set[str]:
    """Every route of the laboratory with whatever its parts could be."""
    assert share.experiment
    run, example = share.experiment.runs.order_by("pk")[0], ids_of("test")[0]
    numbers = [str(number) for number in (1, 2, share.pk, share.experiment.pk, run.pk, example)]
    words = [share.slug, other.slug, token, run.key, "movie-reviews", "gap-0", "csv", "index"]
    addresses = set()
    for route, _ in routes(get_resolver().url_patterns):
        parts = re.findall(r"<[^>]*>|\(\?P<[^)]*\)", route)
        values = [sorted(set(numbers)) if "int:" in part else words for part in parts]
        everything = list(product(*values))
        for chosen in random.Random(0).sample(everything, min(MOST, len(everything))):
            path = route
            for part, value in zip(parts, chosen, strict=True):
                path = path.replace(part, value, 1)
            addresses.add("/" + path.strip("^$").replace("\\Z", ""))
    return addresses


def stolen(share: Share) -> set[str]:
    """Return addresses of files, from their folders, and paths upwards from the visitor's addresses."""
    files = [path.relative_to(settings.DATA_DIR).as_posix() for path in settings.DATA_DIR.rglob("*") if path.is_file()]
    climbs = ("", "/static/", f"/shared/{share.slug}/", f"/shared/{share.slug}/v1/", f"/shared/{share.slug}/v1/charts/")
    ups = ("/", "../", "../../", "../../../", "..%2f..%2f", "%2e%2e/%2e%2e/", "....//", "..;/", "archive/")
    names = [*files[:8], "paper.json", "checksums.txt", "archive/archive.json", "secret-key", "lab.sqlite3", "etc/passwd"]
    return {f"{climb}{up}{name}" for climb in climbs for up in ups for name in names}


def test_from_a_link_nothing_but_its_share_can_be_reached(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "drawn", lambda chart, how: b"a picture")  # programs, which take half a second each
    share = frozen(owner)
    other = services.share_frozen(explored(owner, data={"split_seed": 1}), CHOICES, owner)
    client, _, token = visitor(share)
    client.cookies[links.COOKIE] = links.cookie_of(share.links.get())  # with every request, also beside its path
    own = (f"/s/{token}/", f"/e/{token}/", f"/shared/{share.slug}/")

    seen, reached = set[str](), set[str]()
    known = {own[0], own[2], f"{own[2]}v1/", f"{own[2]}v1/charts/gap-0.csv", f"{own[1]}gap/"}
    waiting = known | guesses(share, other, token) | stolen(share)
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path)
        if answer.status_code in (301, 302):
            waiting |= {urlsplit(urljoin(f"http://testserver{path}", answer["Location"])).path} - seen
        elif answer.status_code < 400:
            reached.add(path)
            if "html" in answer["Content-Type"]:
                waiting |= links_in(answer.content.decode(), path) - seen

    public = {f"/{path}" for path, route in routes(get_resolver().url_patterns) if is_public(route)}
    strange = {path for path in reached if not path.startswith((*own, *HANDED)) and path not in public}
    assert strange == set()
    assert known <= reached
    assert not [path for path in reached if other.slug in path]


def is_public(route: URLPattern) -> bool:
    """Return whether the route is open to everybody and has no part that could be guessed."""
    declared = getattr(route.callback, "access", None)
    return (declared == Access.PUBLIC or route.name == "api-root") and not route.pattern.converters


def test_without_the_cookie_nothing_of_a_share_can_be_reached(client: Client, owner: User) -> None:
    share = frozen(owner)
    _, _, token = visitor(share)
    paths = {path for path in guesses(share, share, token) if path.startswith(("/shared/", "/shares/"))}
    assert len(paths) > 20
    assert {path for path in paths if client.get(path).status_code not in (302, 404)} == set()
