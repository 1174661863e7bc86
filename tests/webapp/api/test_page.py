"""The page of the API has all of it, as the document says it."""

import re
import shlex

import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.api.described import Operation, groups
from webapp.api.urls import api

DOCUMENT = api.get_openapi_schema()
OPERATIONS = [one for group in groups(DOCUMENT, "https://lab.example").values() for one in group]


def one(method: str, path: str) -> Operation:
    (found,) = [each for each in OPERATIONS if (each.method, each.path) == (method, f"/api/v1{path}")]
    return found


def test_every_operation_is_on_the_page_in_words_with_a_line_for_the_shell(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    found = client.get("/api/").content.decode()
    operations = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
    assert len(OPERATIONS) == len(operations)
    assert found.count('<details class="operation"') == found.count("data-copy") == len(operations)
    assert all(each.title for each in OPERATIONS)
    ids = re.findall(r' id="([^"]+)"', found)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_a_line_is_one_that_a_shell_reads_as_one_request(operation: Operation) -> None:
    words = shlex.split(operation.line)
    assert words[0] == "curl"
    assert words[-1].startswith(f"https://lab.example{operation.path}")
    assert ("-X" in words) == (operation.method != "GET")
    assert "Authorization: Bearer $W2S_TOKEN" in words


def test_a_line_sends_what_the_body_has_to_have() -> None:
    assert """-d '{"name": "…"}'""" in one("PATCH", "/experiments/{experiment_id}").line
    assert "-F file=@FILE -F name=… -F mapping=…" in one("POST", "/datasets").line
    assert one("GET", "/experiments/{experiment_id}/examples/export").line.endswith("export?how=…'")


def test_fields_are_told_with_their_place_and_type() -> None:
    fields = {field.name: field for field in one("POST", "/shares/{slug}/links").fields}
    assert (fields["slug"].place, fields["slug"].required) == ("path", True)
    assert (fields["days"].place, fields["days"].type, fields["days"].required) == ("body", "integer", False)
    tokens = {field.name: field for field in one("POST", "/tokens").fields}
    assert (tokens["days"].type, tokens["days"].help) == ("integer or null", "Days until it expires; null for no expiry.")


def test_the_page_of_the_account_leads_there(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    assert 'href="/api/"' in client.get("/account/").content.decode()
