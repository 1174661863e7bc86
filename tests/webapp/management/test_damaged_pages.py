"""Pages of damaged rows show what is wrong with them, and pages of other rows are not affected."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import launched
from tests.webapp.management.conftest import Damage
from webapp.experiments import dependents, queries
from webapp.experiments.models import Event, Status

pytestmark = pytest.mark.usefixtures("called")


@pytest.mark.parametrize("column", ["spec", "triplets"])
def test_the_page_of_a_damaged_experiment_says_what_is_wrong_and_the_list_shows_it(
    owner: User, damage: Damage, client: Client, column: str
) -> None:
    experiment = launched(owner)
    damage(experiment, column)
    dependents.note_result_error(experiment.pk, "KeyError: 'prob'.")
    client.force_login(owner)
    page = client.get(f"/experiments/{experiment.pk}/")
    assert page.status_code == 200
    assert "KeyError: &#x27;prob&#x27;." in page.content.decode()
    listed = client.get("/experiments/")
    assert listed.status_code == 200
    assert f'/experiments/{experiment.pk}/"' in listed.content.decode()
    assert client.get("/experiments/12345/").status_code == 404


def test_the_page_of_a_damaged_run_says_what_is_wrong(owner: User, damage: Damage, client: Client) -> None:
    run = launched(owner).runs.filter(status=Status.QUEUED).order_by("pk").first()
    assert run
    damage(run, "spec")
    claims.claim_next("worker@test")
    client.force_login(owner)
    page = client.get(f"/runs/{run.pk}/")
    assert page.status_code == 200
    assert "What this run is to train cannot be read from the record." in page.content.decode()


@pytest.mark.parametrize("payload", [{"kind": "dreamt"}, {"kind": "claimed"}, {}, "text", [1]])
def test_the_page_of_a_run_with_a_damaged_event_shows_all_others(owner: User, client: Client, payload: object) -> None:
    run = launched(owner).runs.filter(status=Status.QUEUED).order_by("pk").first()
    assert run
    claims.claim(run.pk, "worker@test")
    Event.objects.filter(run=run, seq=1).update(payload=payload)
    client.force_login(owner)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "taken by worker@test" in page
    if isinstance(payload, dict) and payload:
        assert "an event that cannot be read: its record is damaged" in page
    assert [event["seq"] for event in queries.events_after(run.pk, 0)] == [1, 2]


def test_a_damaged_run_breaks_no_page_of_an_experiment_that_waits_behind_it(owner: User, damage: Damage, client: Client) -> None:
    first, second = launched(owner, data={"split_seed": 1}), launched(owner, data={"split_seed": 2})
    run = first.runs.filter(status=Status.QUEUED).first()
    assert run
    damage(run, "spec")
    client.force_login(owner)
    for path in (f"/experiments/{second.pk}/", f"/experiments/{second.pk}/status/", "/", "/experiments/", "/queue/", "/workers/"):
        assert client.get(path).status_code == 200, path
