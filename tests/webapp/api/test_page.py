"""The page of the API has every operation of the document."""

import re
import shlex

import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.api.described import Operation, groups
from webapp.api.urls import api

DOCUMENT = api.get_openapi_schema()
OPERATIONS = [operation for group in groups(DOCUMENT, "https://lab.example").values() for operation in group]


def operation_of(method: str, path: str) -> Operation:
    (operation,) = [candidate for candidate in OPERATIONS if (candidate.method, candidate.path) == (method, f"/api/v1{path}")]
    return operation


def test_every_operation_is_on_the_page_in_words_with_a_line_for_the_shell(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    page = client.get("/api/").content.decode()
    operations = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
    assert len(OPERATIONS) == len(operations)
    assert page.count('<details class="operation"') == page.count("data-copy") == len(operations)
    assert all(each.title for each in OPERATIONS)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_a_line_is_one_that_a_shell_reads_as_one_request(operation: Operation) -> None:
    words = shlex.split(operation.line)
    assert words[0] == "curl"
    assert words[-1].startswith(f"https://lab.example{operation.path}")
    assert ("-X" in words) == (operation.method != "GET")
    assert "Authorization: Bearer $W2S_TOKEN" in words


def test_a_line_sends_what_the_body_has_to_have() -> None:
    assert """-d '{"name": "…"}'""" in operation_of("PATCH", "/experiments/{experiment_id}").line
    assert "-F file=@FILE -F name=… -F mapping=…" in operation_of("POST", "/datasets").line
    assert operation_of("GET", "/experiments/{experiment_id}/examples/export").line.endswith("export?how=…'")


def test_fields_are_told_with_their_place_and_type() -> None:
    fields = {field.name: field for field in operation_of("POST", "/shares/{slug}/links").fields}
    assert (fields["slug"].place, fields["slug"].required) == ("path", True)
    assert (fields["days"].place, fields["days"].type, fields["days"].required) == ("body", "integer", False)
    tokens = {field.name: field for field in operation_of("POST", "/tokens").fields}
    assert (tokens["days"].type, tokens["days"].help) == ("integer or null", "Days until it expires; null for no expiry.")


def test_the_page_of_the_account_leads_there(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    assert 'href="/api/"' in client.get("/account/").content.decode()
