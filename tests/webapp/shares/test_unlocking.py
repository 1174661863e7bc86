"""The locked test set is read by a frozen result page and by nothing before it, and each opening is counted."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored
from tests.factories.shares import CHOICES
from training.metrics.results import summarize
from training.storage.predictions import Predictions
from webapp.artifact_store import artifact_store
from webapp.audit.models import Entry
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.html import PageLinks, page
from webapp.shares import freezing, services, unlocking
from webapp.shares.frozen import Frozen
from webapp.shares.models import Opening
from webapp.shares.unlocking import unlocks

pytestmark = pytest.mark.django_db

CLOSED = CHOICES.model_copy(update={"locked": False})


def paper_of(experiment: Experiment, owner: User) -> Frozen:
    return Frozen(services.share_frozen(experiment, CHOICES, owner).versions.get().content)


def limitation(version: Frozen) -> str:
    [text] = [note.text for note in version.paper.limitations if note.title == "Locked test set"]
    return text


def test_a_version_says_what_comes_out_on_the_locked_rows_beside_the_test_set(owner: User) -> None:
    experiment = explored(owner, seeds=3)
    store = artifact_store()
    locked = paper_of(experiment, owner).paper.locked
    assert locked is not None
    assert locked.rows == 100
    for line, two in zip(locked.parts[0].lines, compose(experiment, CHOICES, owner).sections[0].lines, strict=True):
        assert line.test == two
    right = []
    for triplet in [line for line in experiment.triplets if line["method"] == 0]:
        part = store.read_predictions(triplet["weak"]).part("locked")
        right.append(float(((part.prob > 0.5) == part.gold).mean()))
    assert locked.parts[0].lines[0].line.accuracy == f"{sum(right) / 3:.3f}".lstrip("0")


def test_each_opening_is_counted_for_all_experiments_with_the_same_rows(owner: User) -> None:
    first = paper_of(explored(owner), owner)
    assert "which is the first to open them" in limitation(first)
    other = explored(owner, name="Another with the same rows", methods=[{"kind": "naive"}])
    again = paper_of(other, owner)
    assert re.search(r"opened them 1 time before, last on \d{4}-\d\d-\d\d", limitation(again))
    elsewhere = explored(owner, data={"split_seed": 7})
    assert "which is the first to open them" in limitation(paper_of(elsewhere, owner))
    assert Opening.objects.count() == 3
    assert Entry.objects.filter(verb="shared").latest("pk").details["opened the locked test set"] is True


def test_freezing_decides_once_whether_it_unlocks(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = []

    def counted(experiment: Experiment, choices: Choices) -> bool:
        decided.append(unlocks(experiment, choices))
        return decided[-1]

    monkeypatch.setattr(unlocking, "unlocks", counted)
    for module in (freezing, services):
        if hasattr(module, "unlocks"):
            monkeypatch.setattr(module, "unlocks", counted)
    paper_of(explored(owner), owner)
    assert decided == [True]
    assert Opening.objects.count() == 1


def test_a_page_that_does_not_open_it_says_so_and_is_not_counted(owner: User) -> None:
    experiment = explored(owner)
    version = Frozen(services.share_frozen(experiment, CLOSED, owner).versions.get().content)
    assert version.paper.locked is None
    assert "was not opened for this page" in limitation(version)
    services.share_live(experiment, CHOICES, owner)
    assert not Opening.objects.exists()


def test_an_experiment_without_locked_rows_says_that_there_are_none(owner: User) -> None:
    experiment = explored(owner, data={"locked_fraction": 0})
    version = paper_of(experiment, owner)
    assert version.paper.locked is None
    assert limitation(version).startswith("There is none")
    assert not Opening.objects.exists()


def test_nothing_but_a_frozen_page_hangs_on_the_locked_rows(owner: User) -> None:
    """All that a page says stays the same when every answer on them is turned around."""
    experiment = explored(owner)
    client = Client()
    client.force_login(owner)
    addresses = [f"/experiments/{experiment.pk}/{name}" for name in ("", "examples/", "diagnostics/", "examples/marked/")]

    def said() -> list[str]:
        store = artifact_store()
        result = summarize(experiment.compared, store.read_predictions, store.read_trajectory).model_dump_json()
        pages = [client.get(address).content.decode() for address in addresses]
        shown = [re.sub(r"csrf\w+\" value=\"\w+\"", "", unescape(text)) for text in pages]
        return [result, *shown, page(compose(experiment, CHOICES, owner), PageLinks())]

    before = said()
    store = artifact_store()
    for run in experiment.runs.all():
        predictions = store.read_predictions(run.key)
        turned = predictions.prob.copy()
        turned[predictions.split == "locked"] = 1 - turned[predictions.split == "locked"]
        store.write_predictions(
            run.key, Predictions(predictions.id, predictions.split, predictions.group, predictions.gold, turned)
        )
    assert said() == before
