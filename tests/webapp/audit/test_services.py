"""The audit log has one entry for each act, from any interface."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.archives import bring, trained
from tests.factories.experiments import launched, spec
from tests.factories.imports import brought
from webapp.accounts.tokens import make_token
from webapp.actions import datasets as dataset_actions
from webapp.archives.export import packed
from webapp.audit.models import Entry, Verb
from webapp.audit.services import tell

pytestmark = pytest.mark.django_db


pytestmark = pytest.mark.usefixtures("called")


def logged() -> list[tuple[str, str, str, str]]:
    """Return the entries about everything but accounts, the oldest first."""
    entries = Entry.objects.exclude(about__in=("account", "token")).order_by("pk")
    return [(entry.name, entry.verb, entry.about, entry.title) for entry in entries]


def test_what_is_launched_and_stopped_by_page_is_told_once(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    experiment = launched(owner)
    run = experiment.runs.first()
    assert run
    client.post(f"/runs/{run.pk}/stop/")
    client.post(f"/experiments/{experiment.pk}/stop/")
    client.post(f"/experiments/{experiment.pk}/launch/")
    assert logged() == [
        ("ada", "stopped", "run", "A test"),
        ("ada", "stopped", "experiment", "A test"),
        ("ada", "launched", "experiment", "A test"),
    ]


def test_what_is_made_and_launched_by_the_api_is_told_once_also_when_it_is_sent_twice(owner: User) -> None:
    headers = {"authorization": f"Bearer {make_token(owner)}", "idempotency-key": "again"}
    client = Client(headers=headers)
    body = json.dumps(spec().model_dump(mode="json"))
    for _ in range(2):
        pk = client.post("/api/v1/experiments?launch=true", body, content_type="application/json").json()["id"]
    client.post(f"/api/v1/experiments/{pk}/stop")
    assert logged() == [("ada", verb, "experiment", "A test") for verb in ("created", "launched", "stopped")]
    assert set(Entry.objects.filter(about="experiment").values_list("key", flat=True)) == {str(pk)}


def test_taking_an_archive_along_and_bringing_one_is_told(owner: User, tmp_path: Path) -> None:
    experiment = trained(owner)
    with packed(experiment, owner) as file:
        (tmp_path / "it.zip").write_bytes(file.read())
    grace = User.objects.create_user("grace")
    for _ in range(2):
        bring(grace, tmp_path / "it.zip")
    assert logged() == [(who, verb, "experiment", experiment.name) for who, verb in (("ada", "exported"), ("grace", "imported"))]


def test_files_that_come_and_go_are_told_and_a_fetch_that_is_under_way_only_once(owner: User, tmp_path: Path) -> None:
    imported = brought(owner, tmp_path)
    dataset_actions.discard(imported, owner)
    for _ in range(2):
        dataset_actions.fetch(owner, "boolq")
    assert logged() == [
        ("ada", "uploaded", "import", "notes.csv"),
        ("ada", "discarded", "import", "notes.csv"),
        ("ada", "fetched", "dataset", "boolq"),
    ]


def test_what_did_not_happen_is_not_told(owner: User) -> None:
    client = Client()
    client.force_login(User.objects.create_user("grace"))
    assert client.post(f"/experiments/{launched(owner).pk}/stop/").status_code == 403
    assert logged() == []


def test_an_entry_keeps_the_name_of_somebody_who_is_gone(owner: User) -> None:
    tell(owner, Verb.SHARED, "share", 3, "A page", expires="2027-01-01")
    owner.delete()
    [entry] = Entry.objects.all()
    assert (entry.who, entry.name, str(entry), entry.details) == (None, "ada", "ada shared share 3", {"expires": "2027-01-01"})
