"""Any text in an address, a form, a JSON body or a file name is answered, and never with a server error."""

import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories.experiments import finish_all, launched
from training import ExperimentSpec
from training.command_output import Preview
from training.events import RunFailed
from webapp.accounts import tokens
from webapp.accounts.models import Scope
from webapp.api.rates import Rate
from webapp.example_queries.view import View
from webapp.experiments.models import Experiment
from webapp.parsing import decimal, whole

pytestmark = pytest.mark.django_db

HOSTILE = ("²", "9" * 3000, str(2**63), "nan", "1-1:2", "a\x00b", "\ud800")
"""One value of each kind: foreign digits, too long, too large, not finite, a cut cursor, and characters that cannot be stored."""

OPENAPI = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())
SOURCES = [*Path(settings.BASE_DIR, "webapp").rglob("*.py")]
READ = re.compile(r"""(?:GET|typed)(?:\.get|\.getlist)?[(\[]\s*["'](\w+)["']|_read\(typed, "(\w+)\"""")


def patterns(root: URLResolver, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every address of the URL configuration, with its parameters in angle brackets, and its view."""
    for pattern in root.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def read_by(route: str, view: Any) -> set[str]:
    """Return the names in the query of an address: those that the view's module reads, or that the API describes."""
    if route.startswith("api/v1/"):
        path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
        described = OPENAPI["paths"].get(path, {}).get("get", {}).get("parameters", [])
        return {parameter["name"] for parameter in described if parameter["in"] == "query"}
    source = inspect.getsource(sys.modules[view.__module__])
    names = {name for match in READ.findall(source) for name in match if name}
    return names | set(View.model_fields) if "read_view(" in source else names


def filled(route: str, experiment: Experiment, value: str | None = None) -> str:
    """Return the address of an existing object, or one with ``value`` in the place of every parameter."""
    right = {
        "pk": experiment.pk,
        "experiment_id": experiment.pk,
        "run_id": experiment.runs.all()[0].pk,
        "how": "csv",
        "name": "gap",
    }

    def fill(match: re.Match[str]) -> str:
        kind, _, name = match[1].rpartition(":")
        if value is not None:
            return quote(value.encode("utf-8", "replace"), safe="")
        return str(right.get(name, 1 if kind == "int" else "x"))

    return "/" + re.sub(r"<([\w:]+)>", fill, route).replace("^", "").replace("$", "")


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch, called: list[str]) -> None:
    """Disable rate limits and messages to the broker."""
    monkeypatch.setattr(Rate, "allow_request", lambda *_: True)


@pytest.fixture
def done(owner: User) -> Experiment:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish_all(experiment)
    return experiment


@pytest.fixture
def visitor(client: Client, owner: User) -> Client:
    """A client of an administrator, with a token for the API; errors are answers here, as in production."""
    owner.is_superuser = owner.is_staff = True
    owner.save()
    client.force_login(owner)
    _, secret = tokens.make(owner, "test", Scope.WRITE)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    client.raise_request_exception = False
    return client


def routes() -> dict[str, Any]:
    """Return the routes of the application, by address."""
    skipped = ("admin/", "sso/", "logout/")
    views = {route: view for route, view in patterns(get_resolver()) if not route.startswith(skipped)}
    assert len(views) > 100
    return views


def test_no_address_with_a_hostile_part_is_an_error_of_the_server(visitor: Client, done: Experiment, unlimited: None) -> None:
    broken = []
    for route in routes():
        for value in HOSTILE if "<" in route else ():
            answer = visitor.get(filled(route, done, value))
            if answer.status_code >= 500:
                broken.append((route, value[:20], answer.status_code))
    assert not broken


def test_no_query_with_a_hostile_value_is_an_error_of_the_server(visitor: Client, done: Experiment, unlimited: None) -> None:
    broken, requests = [], 0
    for route, view in routes().items():
        address, names = filled(route, done), read_by(route, view)
        queries = [(names, value) for value in HOSTILE] if names else []
        if names and visitor.get(address).status_code != 404:  # where nothing is, few names are read
            queries += [({name}, str(2**63)) for name in names]
        for some, value in queries:
            typed = quote(value.encode("utf-8", "replace"), safe="")
            answer = visitor.get(f"{address}?" + "&".join(f"{name}={typed}" for name in some))
            requests += 1
            if answer.status_code >= 500:
                broken.append((route, sorted(some)[:3], value[:20], answer.status_code))
    assert not broken
    assert requests > 300


def test_no_form_with_hostile_values_is_an_error_of_the_server(visitor: Client, done: Experiment, unlimited: None) -> None:
    fields = re.compile(r"""POST(?:\.get|\.getlist)?[(\[]\s*["'](\w+)["']""")
    names = sorted({name for path in SOURCES for name in fields.findall(path.read_text())} | {"name", "highlights", "after"})
    broken = []
    for route in (route for route in routes() if not route.startswith("api/")):
        for value in HOSTILE[:5]:
            address = filled(route, done)
            answer = visitor.post(address, {name: value.encode("utf-8", "replace").decode() for name in names})
            if answer.status_code >= 500:
                broken.append((route, value[:20], answer.status_code))
            if answer.status_code in (404, 405):
                break
    assert not broken


def test_no_body_with_hostile_values_is_an_error_of_the_api(visitor: Client, done: Experiment, unlimited: None) -> None:
    names = sorted({name for schema in OPENAPI["components"]["schemas"].values() for name in schema.get("properties", {})})
    values = ["²", 2**63, 10**400, None, [["a"]], {"\x00": "\ud800"}]
    bodies = ["[" * 100_000, *(json.dumps(dict.fromkeys(names, value)) for value in values)]
    broken, requests = [], 0
    for route in (route for route in routes() if route.startswith("api/v1/")):
        for method in (visitor.post, visitor.put, visitor.patch):
            for body in bodies:
                answer = method(filled(route, done), body, content_type="application/json")
                requests += 1
                if answer.status_code >= 500:
                    broken.append((route, body[:20], answer.status_code))
                if answer.status_code == 405:
                    break  # this method is nobody's, whatever the body
    assert not broken
    assert requests > 300


def test_head_is_answered_by_every_address_of_the_api(visitor: Client, done: Experiment, unlimited: None) -> None:
    statuses = {visitor.head(filled(route, done)).status_code for route in routes() if route.startswith("api/v1/")}
    assert max(statuses) < 500


def test_the_sentence_for_a_character_that_cannot_be_stored_names_it(visitor: Client, done: Experiment) -> None:
    assert "U+0000" in visitor.post("/queue/pause/", {"why": "a\x00b"}).content.decode()
    answer = visitor.post("/api/v1/queue/pause", json.dumps({"why": "a\ud800b"}), content_type="application/json")
    assert answer.status_code == 422
    assert "half of a character" in answer.json()["errors"][0]["message"]
    spec = ExperimentSpec().model_dump(mode="json") | {"name": "a\x00b"}
    answer = visitor.post("/api/v1/experiments", json.dumps(spec), content_type="application/json")
    assert answer.status_code == 422


def test_what_an_archive_asks_for_is_refused_and_what_a_program_tells_is_cleaned() -> None:
    with pytest.raises(ValueError, match=r"U\+0000"):
        ExperimentSpec(name="a\x00b")
    assert RunFailed(error="a\x00b", log="\ud800").model_dump() == RunFailed(error="a\ufffdb", log="\ufffd").model_dump()
    look = Preview.model_validate(
        {"columns": [{"name": "a\x00", "type": "text", "values": None}], "rows": [["\x00"]], "looked_at": 1}
    )
    assert (look.columns[0].name, look.rows) == ("a\ufffd", (("\ufffd",),))


@pytest.mark.parametrize("name", ["a." + "b" * 250, "a\x00.csv", "." * 300, "a/../b.csv", "…" * 200 + ".csv", "a.😀"])
def test_a_file_of_any_name_is_answered(name: str, visitor: Client) -> None:
    file = SimpleUploadedFile("x.csv", b"text,label\nyes,1\nno,0\n")
    file.name = name
    assert visitor.post("/datasets/upload/", {"file": file}).status_code < 500


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("²", None),
        ("٣", None),
        ("9" * 3000, None),
        (str(2**63), None),
        (str(2**63 - 1), 2**63 - 1),
        ("-1", None),
        *[(7, 7), (True, None), (7.0, None), (None, None), ([], None), (2**63, None)],
    ],
)
def test_a_whole_number_is_one_that_can_be_stored_in_the_digits_0_to_9(text: object, number: int | None) -> None:
    assert whole(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.5", 1.5), (".5", 0.5), ("1e-3", 1e-3), ("-2", -2), (".", None), ("nan", None), ("1e999", None), ("²", None)],
)
def test_a_decimal_number_is_finite(text: str, number: float | None) -> None:
    assert decimal(text) == number


@pytest.mark.parametrize("after", [".:1", "1-1:2", "e:1", ":", "nan:1", "1:", "1:99999999999999999999", "²:1"])
def test_a_cut_cursor_is_refused(after: str) -> None:
    with pytest.raises(ValueError, match="no place in the list"):
        View.parse({"after": [after]})


@pytest.mark.parametrize("after", ["0.25:5", "-0.0:5", "1e-05:9", "3:9223372036854775807"])
def test_a_cursor_of_a_page_is_taken(after: str) -> None:
    assert View.parse({"after": [after]}).after == after
