"""Files of the pages of examples are compared with their checksums before somebody opens one."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.artifacts import flip
from tests.factories.damage import damaged
from tests.factories.explored_experiments import explored, with_features
from training.storage import checksums
from webapp.explorer import verification


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def seen(client: Client, address: str) -> str:
    """Return the page of a view, once the comparisons that it began have ended."""
    page = client.get(address).content.decode()
    verification._VERIFIER.submit(lambda: None).result(30)
    return page


def test_the_pages_of_an_example_compare_no_file_after_their_view_was_shown(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, compared = explored(owner, seeds=2), list[Path]()
    with_features(experiment)
    digest = checksums.digest
    monkeypatch.setattr(checksums, "digest", lambda path: compared.append(path) or digest(path))  # type: ignore[func-returns-value]
    page = seen(client, f"/experiments/{experiment.pk}/examples/")
    there = set(compared)
    assert {path.name for path in there} >= {"predictions.parquet", "trajectory.parquet"}
    assert any(path.suffix == ".npy" for path in there), "the features, for the nearest examples"
    number = re.findall(r"/examples/(\d+)/", page)[0]
    for name in ("", "nearby/"):
        assert client.get(f"/experiments/{experiment.pk}/examples/{number}/{name}").status_code == 200
    assert set(compared) == there
    assert len(compared) == len(there), "each once"


def test_a_damaged_file_is_reported_by_the_page_that_reads_it_and_not_by_the_view(client: Client, owner: User) -> None:
    experiment = explored(owner, seeds=1)
    student = experiment.triplets[0]["student"]
    damaged(settings.ARTIFACTS_DIR / "runs" / student / "trajectory.parquet", lambda path: flip(path, 99))
    address = f"/experiments/{experiment.pk}/examples/"
    page = seen(client, address)
    assert 'id="cell-8"' in page
    number = re.findall(r"/examples/(\d+)/", page)[0]
    assert "is damaged" in client.get(f"{address}{number}/").content.decode()
