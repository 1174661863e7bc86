"""Properties of all pages: logins, escaping, scripts and errors."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import states
from tests.webapp.page_text import text
from tests.webapp.pages.experiments.page_forms import address
from webapp.experiments.models import Experiment


@pytest.mark.parametrize(
    "path", ["/", "/experiments/", "/experiments/new/", "/experiments/1/", "/experiments/1/status/", "/runs/1/", "/password/"]
)
def test_strangers_are_sent_to_the_login(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("path", ["/experiments/1/stop/", "/experiments/1/launch/", "/runs/1/stop/"])
def test_strangers_change_nothing(client: Client, db: None, path: str) -> None:
    assert client.post(path).status_code == 302
    assert Experiment.objects.count() == 0


def test_health_needs_neither_account_nor_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok"


def test_names_are_escaped_everywhere(page: Client, owner: User) -> None:
    experiment = states.done(states.launched(owner, "<script>alert(1)</script>", seeds=1))
    run = experiment.runs.values_list("pk", flat=True)[0]
    for path in ("/", "/experiments/", address(experiment), f"/experiments/new/?from={experiment.pk}", f"/runs/{run}/"):
        assert "<script>alert" not in page.get(path).content.decode()


Scene = Callable[[User], Experiment]


@pytest.mark.parametrize(
    "scene", [states.running, states.finished, states.unresolved, states.failed, states.stopped, states.restarted]
)
def test_no_page_has_script_of_its_own(page: Client, owner: User, scene: Scene) -> None:
    html = page.get(address(scene(owner))).content.decode()
    for attributes, inside in re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.S):
        assert "src=" in attributes or 'type="application/json"' in attributes, inside[:80]
    assert not re.search(r"\son\w+=", re.sub(r"<script.*?</script>", "", html, flags=re.S))


def test_errors_look_like_the_laboratory(page: Client) -> None:
    assert "There is no such page." in text(page, "/experiments/9999/", status=404)
    strict = Client(enforce_csrf_checks=True)
    assert "This form has expired." in strict.post("/login/", {}).content.decode()
