"""People with every kind of permission, all pages, and the check of an answer that one of them receives."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories.explored_experiments import ids_of
from tests.factories.shares import CHOICES
from webapp.access import Access
from webapp.experiments.models import Experiment
from webapp.imports.models import Import
from webapp.middleware import PERMISSIONS
from webapp.shares import links, services
from webapp.shares.models import Share

PEOPLE = {
    "anonymous": Access.PUBLIC,
    "share visitor": Access.PUBLIC,  # no account, but the link of a share of the experiment that everything is asked about
    "viewer": Access.VIEWER,
    "owner": Access.MEMBER,
    "other": Access.MEMBER,
    "admin": Access.ADMIN,
}


EVERYWHERE = {
    "Cache-Control": "private, no-store",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer but those of static files."""


NO_OPERATIONS = {"api-root", "openapi-json"}


def pages(patterns: list[Any]) -> Iterator[URLPattern]:
    """Yield the routes of all pages, without those of the API and of Django's admin site."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        elif isinstance(pattern, URLResolver) and pattern.app_name not in ("ninja", "admin"):
            yield from pages(pattern.url_patterns)


PAGES = list(pages(get_resolver().url_patterns))


def client_of(person: str, user: User | None, share: Share) -> Client:
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    if person == "share visitor":
        client.cookies[links.COOKIE] = links.cookie_of(share.links.get())  # with every request, also beside its path
    return client


def arguments(route: URLPattern, experiment: Experiment, brought: Import, share: Share) -> dict[str, Any]:
    path = str(route.pattern)
    token = experiment.owner.tokens.first() if "tokens/" in path else None
    kind = (
        token or brought if "imports/" in path or token else experiment.runs.first() if path.startswith("runs/") else experiment
    )
    assert kind is not None
    known = {"pk": kind.pk, "example": ids_of("test")[0], "name": "movie-reviews", "how": "csv", "uid": "x", "token": "y"}
    known |= {"uidb64": "x", "secret": "y", "path": "index.html"}
    if path.startswith(("shared/", "shares/")):
        known |= {"pk": share.links.get().pk, "slug": share.slug, "number": 1, "name": "gap-0", "chart": "gap"}
    return {name: known.get(name, "gap") for name in route.pattern.converters}


def shared(experiment: Experiment, owner: User) -> Share:
    """Return a share with everything that a share can show, and a link."""
    share = services.share_frozen(experiment, CHOICES.model_copy(update={"examples": "all"}), owner)
    links.make_link(share, owner)
    return share


def answer_of(client: Client, method: str, path: str, **options: Any) -> Any:
    """Return the answer to a request; all changes of the database are rolled back."""
    with transaction.atomic():
        answer = client.generic(method, path, **options)
        transaction.set_rollback(True)
    assert answer.status_code < 500 or path == "/readyz", f"{method} {path}: {answer.status_code}"
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, f"{method} {path}"
    assert_strict(answer, f"{method} {path}")
    return answer


def assert_strict(answer: Any, where: str) -> None:
    """Fail unless the answer's policy forbids everything inline, code from text and everything from elsewhere."""
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'"), where
    assert "unsafe" not in policy, where
    assert "http" not in policy, where


def is_refused(answer: Any) -> bool:
    to_login = answer.status_code == 302 and "/login/?next=" in answer["Location"]
    return to_login or answer.status_code in (401, 403)


def wrong(cell: str, answer: Any, allowed: bool, need: Access = Access.PUBLIC, own: bool = False) -> list[str]:
    hidden = own or need == Access.SHARED  # there is nothing for them
    refused = is_refused(answer) or (hidden and answer.status_code == 404)
    return [f"{cell}: {answer.status_code}"] if refused == allowed else []


def is_allowed(person: str, need: Access, owners: bool) -> bool:
    if need == Access.SHARED:
        return person == "share visitor"
    return person in ("owner", "admin") if owners else PEOPLE[person] >= need
