"""The parts of a comparison that a page loads again: only where they have changed, with the ids that they replace."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import Event, MetricLogged, RunStarted

pytestmark = pytest.mark.django_db


def test_a_page_gets_its_tables_again_once_a_run_has_moved_and_nothing_before(client: Client, owner: User) -> None:
    client.force_login(owner)
    experiment = launched(owner)
    run = experiment.runs.filter(status="queued").order_by("pk")[0]
    query = f"e={experiment.pk}&r={run.pk}"
    page = client.get(f"/compare/?{query}").text
    version = re.search(r'id="compared-version" name="version" value="(\w+)"', page)
    assert version
    assert f'hx-get="/compare/status/?{query.replace("&", "&amp;")}"' in page
    assert client.get(f"/compare/status/?{query}&version={version[1]}").status_code == 204

    claimed = claims.claim(run.pk, "worker@test")
    assert claimed
    events: list[Event] = [RunStarted(total_steps=20, device="cpu", versions={}), MetricLogged(step=10, loss=0.5, lr=1e-3)]
    claims.append_events(run.pk, claimed.attempt, events)
    answer = client.get(f"/compare/status/?{query}&version={version[1]}")
    assert answer.status_code == 200
    assert "Running, step 10 of 20" in answer.text
    for part in ("compared", "compared-tables"):
        assert re.search(rf'id="{part}"[^>]*hx-swap-oob="true"', answer.text)
