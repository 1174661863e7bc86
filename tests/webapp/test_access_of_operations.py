"""Permissions of each kind of account for every operation of the API."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories.explored_experiments import explored, ids_of
from tests.factories.workers import a_worker
from tests.webapp.permissions import (
    NO_OPERATIONS,
    PEOPLE,
    answer_of,
    is_allowed,
    wrong,
)
from webapp.access import Access
from webapp.accounts.tokens import make, make_token
from webapp.actions import projects, saved_views, tags
from webapp.api.urls import api
from webapp.imports.models import Import
from webapp.notes import services as notes
from webapp.shares import links
from webapp.shares.models import Share

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]


OWNERS_API = {"/experiments/{experiment_id}", "/experiments/{experiment_id}/launch", "/experiments/{experiment_id}/stop"}


OWNERS_API |= {"/experiments/{experiment_id}/move", "/notes/{note_id}"}


OWNERS_API |= {"/runs/{run_id}/stop", "/experiments/{experiment_id}/shares", "/shares/{slug}/links", "/links/{link_id}"}


OWNERS_DELETE = {"/experiments/{experiment_id}/examples/{example_id}/tags/{tag}", "/experiments/{experiment_id}/tags/{tag}"}


OWNERS_DELETE |= {"/projects/{project_id}", "/views/{view_id}"}


SELF_API = {"/tokens/{token_id}"}


SELF_PATCH = {"/notes/{note_id}"}


BODIES = {"imported-runs": '{"accepted": true}'}
"""Bodies of operations that refuse an empty one, by the end of their address."""


ADMINS_API = {
    "/api/v1/experiments/{experiment_id}/imported-runs",
    "/api/v1/audit",
    "/api/v1/queue/pause",
    "/api/v1/queue/resume",
    "/api/v1/workers/{worker_id}/{act}",
}


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
    tags.add(experiment, known["tag"], owner)
    known |= {"project_id": projects.create(owner, "Paper").pk}
    known |= {"view_id": saved_views.save(owner, "Finished", "state=finished", shared=True).pk}
    tokens = {person: make_token(user) for person, user in people.items() if user}
    faults, operations = [], 0
    for path, methods in api.get_openapi_schema()["paths"].items():
        if path.startswith("/api/v1/work/"):
            continue  # for tokens of workers alone: see tests/webapp/api/test_work.py
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
                answer = answer_of(client, method, path.format(**known) + query, **options)
                address = path.removeprefix("/api/v1")
                owners = method != "GET" and (address in OWNERS_API or (method == "DELETE" and address in OWNERS_DELETE))
                own = method != "GET" and (address in SELF_API or (method == "PATCH" and address in SELF_PATCH))
                allowed = person == "owner" if own else is_allowed(person, need, owners)
                faults += wrong(f"{method} {path} by {person}", answer, allowed, own=own)
                if answer.status_code in (401, 403):
                    assert answer.json()["errors"][0]["message"]
    assert operations > 15
    assert faults == []


def test_the_api_has_no_address_beside_its_operations_but_its_description() -> None:
    (resolver,) = [
        pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLResolver) and pattern.app_name == "ninja"
    ]
    others = [
        pattern for pattern in resolver.url_patterns if isinstance(pattern, URLPattern) and pattern.name not in NO_OPERATIONS
    ]
    addresses = {"/api/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern)) for pattern in others}
    assert len(others) == len(resolver.url_patterns) - len(NO_OPERATIONS)
    described = set(api.get_openapi_schema()["paths"])
    assert addresses == described
