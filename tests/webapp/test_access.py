"""Who may do what: every address of the laboratory, asked for by everybody."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from tests.factories.experiments import launched
from tests.factories.explored_experiments import explored, ids_of
from tests.factories.shares import CHOICES
from tests.factories.workers import a_worker
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from webapp.access import VIEWERS, Access, AccessMiddleware, access_of, may_change, may_stop
from webapp.accounts.tokens import make, make_token
from webapp.api.urls import api
from webapp.experiments.models import Experiment
from webapp.imports import services as imports
from webapp.imports.models import Import, State
from webapp.live import routing as live
from webapp.middleware import PERMISSIONS
from webapp.notes import services as notes
from webapp.pages.experiments import views
from webapp.share_pages import routing as sharing
from webapp.shares import links, services
from webapp.shares.models import Share

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

PEOPLE = {
    "anonymous": Access.PUBLIC,
    "share visitor": Access.PUBLIC,  # no account, but the link of a share of the experiment that everything is asked about
    "viewer": Access.VIEWER,
    "owner": Access.MEMBER,
    "other": Access.MEMBER,
    "admin": Access.ADMIN,
}
OWNERS = {"launch", "stop", "stop-run", "manage", "queue-move"}  # pages that change an experiment or a run
OWNERS |= {"share", "share-link", "share-revoke"}
OWNERS |= {"import-check", "import-again", "import-change", "import-stop", "import-save", "import-discard"}
SELF = {"token-revoke"}  # what is another account's is not there, for an admin neither
OWNERS_API = {"/experiments/{experiment_id}", "/experiments/{experiment_id}/launch", "/experiments/{experiment_id}/stop"}
OWNERS_API |= {"/experiments/{experiment_id}/move", "/notes/{note_id}"}
OWNERS_DELETE = {"/experiments/{experiment_id}/examples/{example_id}/tags/{tag}"}
SELF_API = {"/tokens/{token_id}"}
OWNERS_API |= {"/runs/{run_id}/stop", "/experiments/{experiment_id}/shares", "/shares/{slug}/links", "/links/{link_id}"}
SELF_PATCH = {"/notes/{note_id}"}
BODIES = {"imported-runs": '{"accepted": true}'}
"""What operations want that do not take an empty body, by the end of their address."""
ADMINS_API = {
    "/api/v1/experiments/{experiment_id}/imported-runs",
    "/api/v1/audit",
    "/api/v1/queue/pause",
    "/api/v1/queue/resume",
    "/api/v1/workers/{worker_id}/{act}",
}
SOCKETS = [*live.websocket_urlpatterns, *sharing.websocket_urlpatterns]
NO_OPERATIONS = {"api-root", "openapi-json"}


EVERYWHERE = {
    "Cache-Control": "private, no-store",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer but those of static files."""


@pytest.fixture
def people(owner: User) -> dict[str, User | None]:
    viewer = User.objects.create_user("vera")
    viewer.groups.add(Group.objects.get_or_create(name=VIEWERS)[0])
    other, admin = User.objects.create_user("grace"), User.objects.create_superuser("root")
    return {"anonymous": None, "share visitor": None, "viewer": viewer, "owner": owner, "other": other, "admin": admin}


def pages(patterns: list[Any]) -> Iterator[URLPattern]:
    """The routes of all pages: what belongs neither to the API nor to Django's admin site."""
    for one in patterns:
        if isinstance(one, URLPattern):
            yield one
        elif isinstance(one, URLResolver) and one.app_name not in ("ninja", "admin"):
            yield from pages(one.url_patterns)


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
    """With all that a share can show, and a link."""
    share = services.share_frozen(experiment, CHOICES.model_copy(update={"examples": "all"}), owner)
    links.make_link(share, owner)
    return share


def asked(client: Client, method: str, path: str, **options: Any) -> Any:
    """The answer, after which everything is as it was."""
    with transaction.atomic():
        answer = client.generic(method, path, **options)
        transaction.set_rollback(True)
    assert answer.status_code < 500, f"{method} {path}: {answer.status_code}"
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, f"{method} {path}"
    assert "default-src 'none'" in answer["Content-Security-Policy"], f"{method} {path}"
    return answer


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


def test_every_page_declares_whom_it_is_for() -> None:
    assert len(PAGES) > 30
    assert [str(route.pattern) for route in PAGES if not isinstance(getattr(route.callback, "access", None), Access)] == []


def test_every_page_is_open_to_those_whom_it_declares_and_to_nobody_else(people: dict[str, User | None], owner: User) -> None:
    experiment, brought = explored(owner), Import.objects.create(owner=owner, file_name="some.csv")
    share, _ = shared(experiment, owner), make(owner, "some")
    found = []
    for route in PAGES:
        given = arguments(route, experiment, brought, share)
        path = "/" + str(route.pattern) if route.name is None else reverse(route.name, kwargs=given)
        for method in ("GET", "POST"):
            asks = route.name == "example-words" and method == "POST"  # looking is for viewers, setting to work is not
            need = Access.MEMBER if asks else route.callback.access  # type: ignore[attr-defined]
            for person, user in people.items():
                with transaction.atomic():
                    answer = asked(client_of(person, user, share), method, path)
                    transaction.set_rollback(True)
                owners = route.name in OWNERS and (method == "POST" or route.name == "manage")
                own = route.name in SELF and method == "POST"
                allowed = person == "owner" if own else is_allowed(person, need, owners)
                found += wrong(f"{method} {path} by {person}", answer, allowed, need, own)
    assert found == []


def test_every_operation_of_the_api_is_for_viewers_to_read_and_for_members_to_write(
    people: dict[str, User | None], owner: User
) -> None:
    experiment, brought = explored(owner), Import.objects.create(owner=owner, file_name="some.csv")
    run = experiment.runs.first()
    assert run
    known: dict[str, Any] = {
        "experiment_id": experiment.pk,
        "run_id": run.pk,
        "import_id": brought.pk,
        "example_id": ids_of("test")[0],
    }
    share = Share.objects.create(experiment=experiment, owner=owner, title="A share", choices={})
    known |= {"name": "movie-reviews", "slug": share.slug, "link_id": links.make_link(share, owner)[0].pk}
    known |= {"token_id": make(owner, "some")[0].pk, "tag": "ambiguous", "worker_id": a_worker().pk, "act": "drain"}
    notes.tag(owner, run.run_spec.fingerprint, known["example_id"], known["tag"])
    known |= {"note_id": notes.note(owner, run.run_spec.fingerprint, known["example_id"], "Both readings.").pk}
    tokens = {person: make_token(user) for person, user in people.items() if user}
    found, operations = [], 0
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method in map(str.upper, methods):
            operations += 1
            need = Access.ADMIN if path in ADMINS_API else Access.VIEWER if method == "GET" else Access.MEMBER
            for person in PEOPLE:
                headers = {"authorization": f"Bearer {tokens[person]}"} if person in tokens else {}
                client = Client(raise_request_exception=False, headers=headers)
                query = "?how=csv" if path.endswith("/export") else ""
                change = '{"text": "Another"}' if "note" in path else '{"name": "Another"}'
                body = change if method == "PATCH" else BODIES.get(path.rpartition("/")[2], "{}")
                options = {"data": body, "content_type": "application/json"} if method != "GET" else {}
                answer = asked(client, method, path.format(**known) + query, **options)
                address = path.removeprefix("/api/v1")
                owners = method != "GET" and (address in OWNERS_API or (method == "DELETE" and address in OWNERS_DELETE))
                own = method != "GET" and (address in SELF_API or (method == "PATCH" and address in SELF_PATCH))
                allowed = person == "owner" if own else is_allowed(person, need, owners)
                found += wrong(f"{method} {path} by {person}", answer, allowed, own=own)
                if answer.status_code in (401, 403):
                    assert answer.json()["errors"][0]["message"]
    assert operations > 15
    assert found == []


def test_the_api_has_no_address_beside_its_operations_but_its_description() -> None:
    (door,) = [one for one in get_resolver().url_patterns if isinstance(one, URLResolver) and one.app_name == "ninja"]
    others = [one for one in door.url_patterns if isinstance(one, URLPattern) and one.name not in NO_OPERATIONS]
    addresses = {"/api/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(one.pattern)) for one in others}
    assert len(others) == len(door.url_patterns) - len(NO_OPERATIONS)
    described = set(api.get_openapi_schema()["paths"])
    assert addresses == described


@pytest.mark.django_db(transaction=True)
def test_every_socket_wants_an_account_or_for_a_share_its_link(people: dict[str, User | None], owner: User) -> None:
    experiment = launched(owner)
    share = Share.objects.create(experiment=experiment, owner=owner, live=True, title="A share", choices={})
    link, token = links.make_link(share, owner)
    cookie = links.cookie_of(link)
    known = {"<int:experiment_id>": str(experiment.pk), "<slug:slug>": share.slug, "<str:token>": token}
    for route in SOCKETS:
        path = "/" + str(route.pattern)
        for name, value in known.items():
            path = path.replace(name, value)
        for person, user in people.items():
            opened = async_to_sync(stays_open)(path, user or AnonymousUser(), cookie if person == "share visitor" else "")
            by_link = person == "share visitor" if path.startswith("/shared/") else user is not None
            assert opened == (by_link or path.startswith("/e/")), f"{path} by {person}"


async def stays_open(path: str, user: User | AnonymousUser, cookie: str) -> bool:
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "cookies": {links.COOKIE: cookie},
        "user": user,
    }
    socket = ApplicationCommunicator(URLRouter(SOCKETS), scope)
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=10)
    if answer["type"] == "websocket.accept":
        for _ in ("what the page has", "a ping"):
            await socket.send_input({"type": "websocket.receive", "text": "{}"})
        answer = await socket.receive_output(timeout=10)
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait()
    return bool(answer["type"] == "websocket.send")


def test_errors_and_the_admin_site_carry_the_same_headers(
    people: dict[str, User | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, user = Client(raise_request_exception=False), people["admin"]
    assert user
    client.force_login(user)
    monkeypatch.setattr(views, "render", lambda *_, **__: 1 / 0)
    asks = {
        "/": 500,
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
    answer = client.get("/healthz", headers={"host": "elsewhere.example"})
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


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


def test_only_who_may_stop_it_sees_the_button(people: dict[str, User | None], owner: User) -> None:
    experiment = launched(owner)
    run = experiment.runs.first()
    assert run
    for person, user in people.items():
        client = Client()
        if user:
            client.force_login(user)
            for path in (f"/experiments/{experiment.pk}/", f"/experiments/{experiment.pk}/status/", f"/runs/{run.pk}/"):
                assert ("/stop/" in client.get(path).content.decode()) == (person in ("owner", "admin")), f"{path} by {person}"


def test_no_link_button_or_key_leads_where_its_reader_may_not_go(people: dict[str, User | None], owner: User) -> None:
    experiment, brought = explored(owner), Import.objects.create(owner=owner, file_name="some.csv")
    share, found, looked = shared(experiment, owner), [], 0
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
                looked += 1
                if not address.startswith(("/static/", "/admin/")) and resolve(address).url_name not in NO_OPERATIONS:
                    need = resolve(address).func.access  # type: ignore[attr-defined]
                    found += [f"{address} on {route.pattern} for {person}"] if PEOPLE[person] < need else []
    assert looked > 200
    assert found == []


def test_another_members_import_is_left_as_it_is_and_has_no_buttons(people: dict[str, User | None], owner: User) -> None:
    brought = Import.objects.create(owner=owner, file_name="some.csv", state=State.CHECKED, look={}, mapping={})
    for person in ("viewer", "other"):
        client, user = Client(), people[person]
        assert user
        client.force_login(user)
        for act in ("check", "again", "change", "stop", "save", "discard"):
            answer = client.post(f"/datasets/imports/{brought.pk}/{act}/", {"name": "mine"})
            assert answer.status_code == 403, act
        Import.objects.filter(pk=brought.pk).update(look=None, mapping=None)
        assert f"/datasets/imports/{brought.pk}/" not in client.get(f"/datasets/imports/{brought.pk}/").content.decode().replace(
            f'hx-get="/datasets/imports/{brought.pk}/"', ""
        )
    brought.refresh_from_db()
    assert (brought.state, brought.stop_asked) == (State.CHECKED, False)


def test_what_is_said_of_a_data_set_on_the_shelf_is_changed_by_who_brought_it_and_by_admins(
    people: dict[str, User | None], owner: User
) -> None:
    about = About.model_validate({"name": "reviews"})
    Import.objects.create(owner=owner, file_name="some.csv", state=State.SAVED, shelved="reviews")
    classes = [{"name": name, "values": [name]} for name in ("no", "yes")]
    mapping = Mapping.model_validate({"kind": "labelled", "text": "text", "label": "label", "classes": classes})
    for person, refused in (("other", True), ("owner", False), ("admin", False)):
        user = people[person]
        assert user
        one = Import.objects.create(owner=user, file_name="same.csv")
        with pytest.raises(ValueError, match="is one of ada") if refused else nullcontext():
            imports.check(one, mapping, about)
        one.refresh_from_db()
        assert (one.state == State.QUEUED) == (not refused)


def test_a_run_that_two_experiments_have_is_stopped_by_either_owner_unless_that_is_a_viewer(
    people: dict[str, User | None], owner: User
) -> None:
    experiment, other, viewer = launched(owner), people["other"], people["viewer"]
    run = experiment.runs.first()
    assert run
    assert other
    assert viewer
    assert not may_stop(other, run)
    launched(other)
    assert may_stop(other, run)
    assert not may_change(other, experiment)
    mine = launched(viewer)
    assert access_of(viewer) == Access.VIEWER
    assert not may_change(viewer, mine)
    assert not may_stop(viewer, run)
