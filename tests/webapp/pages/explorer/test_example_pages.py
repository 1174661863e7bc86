"""The list of examples and the page of one: notes that are edited, the fold of other models, the legend."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import address, explored, ids_of
from webapp.experiments.models import Experiment
from webapp.notes.models import Note


@pytest.fixture
def experiment(client: Client, owner: User) -> Experiment:
    """An experiment whose owner is logged in."""
    client.force_login(owner)
    return explored(owner, seeds=2)


def test_a_note_is_edited_where_it_stands_and_says_when(client: Client, experiment: Experiment) -> None:
    place = address(experiment, f"{ids_of('test')[0]}/")
    client.post(f"{place}write/", {"do": "note", "text": "As it was."})
    note = Note.objects.get()
    answer = client.post(f"{place}write/", {"do": "edit", "note": str(note.pk), "text": "As it is."})
    assert answer["Location"].endswith("#notes")
    page = client.get(place).content.decode()
    assert "As it is." in page
    assert "As it was." not in page
    assert re.search(r"edited \d{4}-\d\d-\d\d \d\d:\d\d UTC", page)
    other = address(experiment, f"{ids_of('test')[1]}/")
    assert client.post(f"{other}write/", {"do": "edit", "note": str(note.pk), "text": "Elsewhere."}).status_code == 404
    client.force_login(User.objects.create_user("grace"))
    assert client.post(f"{place}write/", {"do": "edit", "note": str(note.pk), "text": "Not so."}).status_code == 403
    assert 'value="edit"' not in client.get(place).content.decode()


def test_the_fold_of_other_models_stays_closed_while_one_filters(client: Client, experiment: Experiment) -> None:
    """The form sends the models that are chosen with every filter; those of a plain triplet are not in the address."""
    triplet = experiment.triplets[1]
    seats = "&".join(f"{seat}={triplet[seat][:12]}" for seat in ("weak", "student", "ceiling"))
    answer = client.get(f"{address(experiment)}?q=the&gold=&{seats}", headers={"HX-Request": "true"})
    assert "ceiling=" not in answer["HX-Push-Url"]
    assert '<details class="more compare">' in answer.content.decode()
    mixed = seats.replace(triplet["ceiling"][:12], triplet["weak"][:12])
    answer = client.get(f"{address(experiment)}?{mixed}", headers={"HX-Request": "true"})
    assert '<details class="more compare" open>' in answer.content.decode()


def test_the_legend_of_the_bars_stands_above_the_list(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment)).content.decode()
    assert page.index("Bars, top to bottom") < page.index('<table class="example-table"')
