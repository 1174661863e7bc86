"""Permissions of each kind of account for every page of the laboratory."""

import re
from http.cookies import SimpleCookie

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from tests.factories.experiments import launched
from tests.factories.explored_experiments import explored
from tests.webapp.permissions import (
    EVERYWHERE,
    NO_OPERATIONS,
    PAGES,
    PEOPLE,
    answer_of,
    arguments,
    assert_strict,
    client_of,
    is_allowed,
    shared,
    wrong,
)
from webapp.access import Access, AccessMiddleware
from webapp.accounts.tokens import make
from webapp.imports.models import Import
from webapp.organising.models import Project
from webapp.pages.experiments import list_views

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

OWNERS = {"launch", "stop", "stop-run", "manage", "queue-move"}  # pages that change an experiment or a run
OWNERS |= {"share", "share-link", "share-revoke", "looks"}
OWNERS |= {"import-check", "import-again", "import-change", "import-stop", "import-save", "import-discard"}
ADMINS = {"blind"}  # of a data set that ships, which nobody imported
SELF = {"token-revoke"}  # what is another account's is not there, for an admin neither


def test_every_page_declares_whom_it_is_for() -> None:
    assert len(PAGES) > 30
    assert [str(route.pattern) for route in PAGES if not isinstance(getattr(route.callback, "access", None), Access)] == []


def test_every_page_is_open_to_those_whom_it_declares_and_to_nobody_else(people: dict[str, User | None], owner: User) -> None:
    experiment, brought = explored(owner), Import.objects.create(owner=owner, file_name="some.csv")
    share, _ = shared(experiment, owner), make(owner, "some")
    Project.objects.create(pk=experiment.pk, name="Paper", owner=owner)
    faults = []
    clients = {person: client_of(person, user, share) for person, user in people.items()}
    cookies = {person: SimpleCookie(client.cookies) for person, client in clients.items()}
    for route in PAGES:
        given = arguments(route, experiment, brought, share)
        path = "/" + str(route.pattern) if route.name is None else reverse(route.name, kwargs=given)
        for method in ("GET", "POST"):
            asks = route.name in ("example-words", "outside-students") and method == "POST"  # looking alone is for viewers
            need = Access.MEMBER if asks else route.callback.access  # type: ignore[attr-defined]
            for person, client in clients.items():
                client.cookies = SimpleCookie(cookies[person])  # whatever an answer before has set, and whom it has logged out
                answer = answer_of(client, method, path)
                owners = route.name in OWNERS and (method == "POST" or route.name == "manage")
                own = route.name in SELF and method == "POST"
                allowed = person == "owner" if own else is_allowed(person, need, owners)
                if str(route.pattern).endswith("picture/") and person == "share visitor":
                    continue  # what is shared is text, which has no picture
                if route.name in ADMINS and method == "POST":
                    allowed = person == "admin"
                faults += wrong(f"{method} {path} by {person}", answer, allowed, need, own)
    assert faults == []


def test_errors_and_the_admin_site_carry_the_same_headers(
    people: dict[str, User | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, user = Client(raise_request_exception=False), people["admin"]
    assert user
    client.force_login(user)
    monkeypatch.setattr(list_views, "render", lambda *_, **__: 1 / 0)
    asks = {
        "/experiments/": 500,
        "/nothing/": 404,
        "/api/v1/nothing": 404,
        "/shared/none/": 404,
        "/admin/": 200,
        "/logout/": 405,
        "/admin": 301,
    }
    asks |= {"/healthz": 200, "/static/none.css": 404}
    for path, status in asks.items():
        answer = client.get(path)
        assert answer.status_code == status, path
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, path
        assert_strict(answer, path)
    answer = client.get("/healthz", headers={"host": "elsewhere.example"})
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert_strict(answer, "another host")


@pytest.mark.parametrize("name", ["admin:index", "admin:auth_user_changelist", "admin:auth_group_changelist"])
def test_the_admin_site_is_for_admins_and_has_its_own_login(people: dict[str, User | None], name: str) -> None:
    User.objects.filter(username="grace").update(is_staff=True)
    for person, user in people.items():
        client = Client()
        if user:
            client.force_login(User.objects.get(pk=user.pk))
        answer = client.get(reverse(name))
        assert answer.status_code == (302 if not user else 200 if person == "admin" else 403)
        if not user:
            assert answer["Location"].startswith("/admin/login/")


def test_a_page_without_a_rule_is_closed_even_to_admins(people: dict[str, User | None]) -> None:
    def forgotten(request: HttpRequest) -> HttpResponse:
        return HttpResponse("open")

    request = RequestFactory().get("/")
    request.resolver_match = resolve("/")
    middleware = AccessMiddleware(forgotten)
    request.user = AnonymousUser()
    answer = middleware.process_view(request, forgotten, (), {})
    assert answer
    assert answer.status_code == 302
    request.user = people["admin"]  # type: ignore[assignment]
    with pytest.raises(PermissionDenied, match="closed"):
        middleware.process_view(request, forgotten, (), {})


def test_who_is_refused_reads_why(people: dict[str, User | None], owner: User, client: Client) -> None:
    experiment = launched(owner)
    viewer, other = people["viewer"], people["other"]
    assert viewer
    assert other
    client.force_login(viewer)
    assert "Your account can read everything here and change nothing." in client.get("/experiments/new/").content.decode()
    client.force_login(other)
    answer = client.post(f"/experiments/{experiment.pk}/stop/").content.decode()
    assert "Only the owner of the experiment and administrators may do that." in answer


def test_no_link_button_or_key_leads_where_its_reader_may_not_go(people: dict[str, User | None], owner: User) -> None:
    experiment, brought = explored(owner), Import.objects.create(owner=owner, file_name="some.csv")
    share, faults, links_followed = shared(experiment, owner), [], 0
    Project.objects.create(pk=experiment.pk, name="Paper", owner=owner)
    for person in ("viewer", "other"):
        client, user = Client(raise_request_exception=False), people[person]
        assert user
        client.force_login(user)
        for route in PAGES:
            if route.name is None or PEOPLE[person] < route.callback.access:  # type: ignore[attr-defined]
                continue
            answer = client.get(reverse(route.name, kwargs=arguments(route, experiment, brought, share)))
            if answer.streaming or answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
                continue
            for address in set(re.findall(r'(?:href|action|hx-get|hx-post)="(/[^"?#]*)', answer.content.decode())):
                links_followed += 1
                if not address.startswith(("/static/", "/admin/")) and resolve(address).url_name not in NO_OPERATIONS:
                    need = resolve(address).func.access  # type: ignore[attr-defined]
                    faults += [f"{address} on {route.pattern} for {person}"] if PEOPLE[person] < need else []
    assert links_followed > 200
    assert faults == []
