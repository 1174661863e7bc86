"""The page of one example, with its models, tags, notes and words, and the parts of the list that it shares."""

import re
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import address, explored, ids_of, write_features
from tests.webapp.pages.explorer.page_parts import get, listed
from training import catalog
from training.command_output import Attribution, Piece
from webapp.artifact_store import artifact_store
from webapp.attributions import services as attribution_services
from webapp.experiments.models import Experiment
from webapp.notes.models import Note, Tag


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


def test_an_example_shows_every_seed_its_place_and_where_labels_are_from(client: Client, experiment: Experiment) -> None:
    ids = listed(get(client, address(experiment, "?cell=5")))
    page = get(client, address(experiment, f"{ids[1]}/?cell=5"))
    assert re.search(r"<span>2 of \d+</span>", page)
    assert f"examples/{ids[0]}/?cell=5" in page
    assert f"examples/{ids[2]}/?cell=5" in page
    assert "corrected, ceiling right" in page
    assert "learned from the labels of run" in page
    assert "read at step 20 of 20" in page
    assert 'data-chart="trajectory-chart"' in page
    assert len(re.findall(r'href="/runs/\d+/" title="run', page)) == 8
    assert "not in this view" in get(client, address(experiment, f"{ids[1]}/?cell=1"))


def test_what_was_learned_from_and_is_most_alike_comes_with_what_the_supervisor_said(
    client: Client, experiment: Experiment
) -> None:
    example_id = ids_of("test")[0]
    assert f"{example_id}/nearby/" in get(client, address(experiment, f"{example_id}/"))
    assert "this student has none" in get(client, address(experiment, f"{example_id}/nearby/"))
    run = experiment.runs.get(key=experiment.triplets[1]["student"]).run_spec
    data = catalog.dataset("movie-reviews")
    store, vectors = artifact_store(), np.random.default_rng(0).normal(size=(data.rows, 4))
    write_features(store, store.features_file(run, catalog.MODELS[run.model].layers, "mean", "fp32"), vectors)
    page = get(client, address(experiment, f"{example_id}/nearby/"))
    shown = [int(match) for match in re.findall(r"examples/(\d+)/\?split=transfer", page)]
    assert len(shown) == 8
    assert set(shown) <= set(ids_of("transfer"))
    assert client.get(address(experiment, f"{ids_of('locked')[0]}/nearby/")).status_code == 404


def write(client: Client, experiment: Experiment, example: int, **words: str) -> Any:
    return client.post(address(experiment, f"{example}/write/"), words)


def test_tags_and_notes_are_kept_with_author_and_time_and_everybody_sees_them(client: Client, experiment: Experiment) -> None:
    example_id = ids_of("test")[0]
    write(client, experiment, example_id, do="tag", text="#Gold label  wrong")
    write(client, experiment, example_id, do="note", text="<b>Irony</b>, I think.")
    other = Client()
    other.force_login(User.objects.create_user("grace"))
    page = get(other, address(experiment, f"{example_id}/"))
    assert "gold label wrong" in page
    assert "&lt;b&gt;Irony&lt;/b&gt;, I think." in page
    assert "ada, 2" in page
    assert listed(get(other, address(experiment, "?tag=gold+label+wrong"))) == [example_id]
    assert 'value="untag"' not in page or "Take away" not in page
    for by, left in ((other, 1), (client, 0)):
        answers = [write(by, experiment, example_id, do="remove", text=str(Note.objects.get().pk))]
        answers.append(write(by, experiment, example_id, do="untag", text="gold label wrong"))
        assert {answer.status_code for answer in answers} == {403 if left else 302}
        assert (Note.objects.count(), Tag.objects.count()) == (left, left), "what somebody else wrote stays"


def test_a_tag_or_note_that_is_none_is_refused_and_what_was_typed_stays(client: Client, experiment: Experiment) -> None:
    example_id = ids_of("test")[0]
    for words in ({"do": "tag", "text": "<script>"}, {"do": "tag", "text": ""}, {"do": "note", "text": " "}):
        assert write(client, experiment, example_id, **words).status_code == 422
    answer = write(client, experiment, example_id, do="note", text="x" * 4001)
    assert answer.status_code == 422
    assert "x" * 4001 in answer.content.decode()
    assert write(client, experiment, ids_of("locked")[0], do="tag", text="seen").status_code == 404


def test_preferences_show_both_sides_with_the_words_in_which_they_differ(client: Client, owner: User) -> None:
    experiment = explored(owner, data={"name": "movie-preferences"})
    page = get(client, address(experiment))
    assert '<span class="side">A</span>' in page
    assert '<span class="side">B</span>' in page
    assert "<u>" in page
    example_id = listed(page)[0]
    assert "Label 1 says that A is preferred" in get(client, address(experiment, f"{example_id}/"))


def test_words_are_asked_for_and_tinted_by_what_they_do_to_the_gold_label(client: Client, experiment: Experiment) -> None:
    example = ids_of("test")[0]
    there = address(experiment, f"{example}/words/")
    assert "Compute for the three models" in client.get(there).content.decode()
    assert client.post(there).status_code == 302
    requested = client.get(there).content.decode()
    assert "The models are being evaluated" in requested
    assert 'hx-trigger="every 1s"' in requested
    questions = attribution_services.claim_next()
    assert [question.example for question in questions] == [example] * 3
    pieces = (Piece(side="a", start=0, end=3, effect=2.0), Piece(side="a", start=4, end=6, effect=-1.0))
    attributions = [Attribution(run=question.key, id=example, log_odds=0.5, pieces=pieces) for question in questions[:2]]
    attribution_services.answer(questions, attributions, "It took <i>too</i> long.")
    page = client.get(there).content.decode()
    assert page.count('<mark class="for5" title="+2.00">') == 2
    assert page.count('title="−1.00"') == 2
    assert "It took &lt;i&gt;too&lt;/i&gt; long." in page
    assert "Compute again" in page


def test_nobody_can_ask_for_words_of_a_locked_example_or_of_none(client: Client, experiment: Experiment) -> None:
    for example in (ids_of("locked")[0], 999_999_999):
        there = address(experiment, f"{example}/words/")
        assert client.get(there).status_code == 404
        assert client.post(there).status_code == 404
    assert attribution_services.claim_next() == []
