"""The page of the audit log, and its file."""

import csv
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched
from webapp.audit.models import Verb
from webapp.audit.services import tell

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.fixture
def client(db: None, owner: User) -> Client:
    """A client of an administrator, after three acts of two people."""
    root = User.objects.create_superuser("root")
    tell(owner, Verb.LAUNCHED, "experiment", 7, "Deep probes", runs=20)
    tell(owner, Verb.STOPPED, "experiment", 7, "Deep probes")
    tell(root, Verb.DELETED, "experiment", 8, "=1+1")
    client = Client()
    client.force_login(root)
    return client


def shown(client: Client, query: str = "") -> list[str]:
    """Return account, act and object of the rows of the page, without the login."""
    rows = client.get(f"/audit/{query}").context["page"]
    return [f"{entry.name} {entry.words} {entry.key}" for entry in rows if entry.about == "experiment"]


def test_the_newest_entry_is_first_and_filters_combine(client: Client) -> None:
    assert shown(client) == ["root deleted 8", "ada stopped 7", "ada launched 7"]
    assert shown(client, "?who=ada&verb=launched") == ["ada launched 7"]
    assert shown(client, "?q=probes") == shown(client, "?q=%237") == ["ada stopped 7", "ada launched 7"]
    assert "No entry matches." in client.get("/audit/?q=nobody").content.decode()


def test_only_what_is_still_there_is_linked(client: Client, owner: User) -> None:
    experiment = launched(owner, name="Here")
    tell(owner, Verb.LAUNCHED, "experiment", experiment.pk, "Here")
    tell(owner, Verb.STOPPED, "run", 99_999, "gone")
    tell(owner, Verb.FETCHED, "dataset", "movie-reviews", "Movie reviews")
    tell(owner, Verb.DELETED, "dataset", "deleted-one", "Deleted one")
    html = client.get("/audit/").content.decode()
    table = html[html.index("<table") : html.index("</table>")]
    linked = set(re.findall(r'<a class="link" href="([^"]+)"', table))
    assert linked == {f"/experiments/{experiment.pk}/", "/datasets/movie-reviews/"}
    assert "Deep probes" in table, "deleted, and still named"
    for path in linked:
        assert client.get(path).status_code == 200


def test_a_long_audit_log_has_pages_that_keep_the_filters(client: Client, owner: User) -> None:
    for _ in range(120):
        tell(owner, Verb.FETCHED, "dataset", "boolq")
    answer = client.get("/audit/?verb=fetched&page=2").content.decode()
    assert "Page 2 of 3" in answer
    assert "?verb=fetched&amp;page=3" in answer


def test_the_file_has_the_rows_of_the_filters_and_no_formula(client: Client) -> None:
    head, row = csv.reader(b"".join(client.get("/audit/csv/?who=root&verb=deleted")).decode().splitlines())
    assert head == ["at", "who", "verb", "about", "key", "title", "details"]
    assert row[1:] == ["root", "deleted", "experiment", "8", "'=1+1", ""]


def test_only_admins_have_the_link(client: Client, owner: User) -> None:
    assert 'href="/audit/"' in client.get("/").content.decode()
    client.force_login(owner)
    assert 'href="/audit/"' not in client.get("/").content.decode()
    assert client.get("/audit/").status_code == 403
