"""The first look at an experiment: its files are there already, or the page says that they are being made."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from tests.factories.explored_experiments import explored, with_features
from webapp.example_queries import database
from webapp.example_queries.tables import build_texts
from webapp.explorer import page as explorer_page


def test_a_first_look_that_takes_long_says_so_and_asks_again(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, go = explored(owner), threading.Event()
    client.force_login(owner)

    def slow(*given: Any) -> None:
        assert go.wait(30)
        build_texts(*given)

    monkeypatch.setattr(database, "build_texts", slow)
    monkeypatch.setattr(explorer_page, "PATIENCE", 0.01)
    address = f"/experiments/{experiment.pk}/examples/?cell=5"
    page = client.get(address).content.decode()
    assert f'hx-get="{address}" hx-trigger="every 1s"' in page
    assert 'id="cell-8"' not in page
    go.set()
    monkeypatch.setattr(explorer_page, "PATIENCE", 60)
    page = client.get(address).content.decode()
    assert 'hx-trigger="every 1s"' not in page
    assert 'id="cell-8"' in page


def test_a_prepared_experiment_has_its_files_at_the_first_look(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, client = explored(owner), Client()
    client.force_login(owner)
    with_features(experiment)
    call_command("prepare", experiment.pk)

    def refuse(*_: Any) -> None:
        raise AssertionError("made at the first look")

    for build in ("build_texts", "build_table", "build_plane"):
        monkeypatch.setattr(database, build, refuse)
    for triplet in experiment.triplets:
        page = client.get(f"/experiments/{experiment.pk}/examples/?map=shown&student={triplet['student'][:12]}")
        assert 'id="cell-8"' in page.content.decode()


@pytest.mark.parametrize("query", ["", "map=shown&cell=5", "q=film&student_min=.6"])
def test_a_page_opens_one_slice_and_so_does_the_same_page_again(query: str, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, client, opened = explored(owner), Client(), []
    client.force_login(owner)
    with_features(experiment)
    call_command("prepare", experiment.pk)
    open_source = database.Base.open

    def counted(self: database.Base, source: database.Source) -> Any:
        opened.append(source)
        return open_source(self, source)

    monkeypatch.setattr(database.Base, "open", counted)
    for times in (1, 2):
        assert client.get(f"/experiments/{experiment.pk}/examples/?{query}").status_code == 200
        assert len(opened) == times


def test_what_cannot_be_prepared_is_a_sentence(db: None) -> None:
    with pytest.raises(CommandError, match="There is no experiment 1000000"):
        call_command("prepare", 10**6)
