"""The pages of disagreements: the matrix, the list, one example, tags and notes."""

import re
from html import unescape
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched
from tests.factories.explored_experiments import address, explored, ids_of, with_texts, write_features
from training import Store, catalog
from training.command_output import Attribution, Piece
from webapp.attributions import services as erasures
from webapp.experiments.models import Experiment
from webapp.notes.models import Note, Tag

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner, seeds=2)


def cells(page: str) -> list[int]:
    return [int(one.replace(",", "")) for one in re.findall(r'id="cell-\d".*?<span class="n">([\d,]+)</span>', page)]


def listed(page: str) -> list[int]:
    return [int(one) for one in re.findall(r'<tr id="row-(\d+)"', page)]


def test_the_cells_sum_to_the_test_set_and_list_what_the_predictions_say(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment)).content.decode()
    assert sum(cells(page)) == 300
    assert len(listed(page)) == 50
    store, triplet = Store(settings.ARTIFACTS_DIR), experiment.triplets[1]
    seen = [store.read_predictions(triplet[role]).part("test") for role in ("weak", "student", "ceiling")]
    for cell, count in enumerate(cells(page), 1):
        wrong = [bool(cell - 1 & bit) for bit in (4, 2, 1)]
        expected = {
            int(one)
            for one, *right in zip(seen[0].id, *(part.right for part in seen), strict=True)
            if [not each for each in right] == wrong
        }
        found: list[int] = []
        query = f"?cell={cell}"
        while query:
            part = client.get(address(experiment, query)).content.decode()
            found += listed(part)
            following = re.search(r'href="(\?[^"]*)" rel="next"', part)
            query = unescape(following[1]) if following else ""
        assert len(found) == len(expected) == count
        assert set(found) == expected


def test_the_head_method_comes_first_and_every_other_one_is_a_link(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment)).content.decode()
    assert re.search(r'aria-current="true">confidence</a>', page)
    other = re.search(r'href="\?(student=\w+)">naive</a>', page)
    assert other
    page = client.get(address(experiment, f"?{other[1]}")).content.decode()
    assert re.search(r'aria-current="true">naive</a>', page)
    assert sum(cells(page)) == 300


def test_any_two_models_can_be_the_axes(client: Client, experiment: Experiment) -> None:
    one, two = experiment.triplets[1]["student"], experiment.triplets[3]["student"]
    page = client.get(address(experiment, f"?weak={one[:12]}&student={two[:12]}")).content.decode()
    assert "Student confidence, seed 0 right" in page
    assert "Student confidence, seed 1" in page
    assert ">Ceiling, seed" not in page, "only what could be confused is told apart"
    assert sum(cells(page)) == 300
    assert "alone errs" in page


def test_half_b_is_another_set_of_examples_and_locked_rows_are_nowhere(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment, "?split=transfer")).content.decode()
    assert sum(cells(page)) == 200
    assert client.get(address(experiment, "?split=locked")).status_code == 422
    for one in ids_of("locked")[:3]:
        assert client.get(address(experiment, f"{one}/")).status_code == 404
        assert client.get(address(experiment, f"{one}/?split=transfer")).status_code == 404


def test_empty_fields_of_a_form_do_not_stay_in_the_address(client: Client, experiment: Experiment) -> None:
    answer = client.get(address(experiment, "?q=good&weak_min=&gold=&sort=disagreement"))
    assert answer["Location"].endswith("?q=good")
    answer = client.get(address(experiment, "?q=good&weak_min="), headers={"HX-Request": "true"})
    assert answer["HX-Push-Url"].endswith("?q=good")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?q=(&mode=regex", "not a regular expression"),
        ("?weak_min=.9&weak_max=.6", "ends before it begins"),
        ("?cell=12", "at most 8"),
        (f"?q={'x' * 300}", "at most 200"),
        ("?nonsense=1", "not a setting"),
    ],
)
def test_what_cannot_be_looked_for_is_said_and_the_rest_is_shown(
    client: Client, experiment: Experiment, query: str, sentence: str
) -> None:
    answer = client.get(address(experiment, query))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert sum(cells(answer.content.decode())) == 300


def test_a_model_that_is_not_of_this_experiment_is_named(client: Client, experiment: Experiment) -> None:
    assert "No finished model of this experiment has the key abcdefabcdef" in get(
        client, address(experiment, "?student=abcdefabcdef")
    )


def get(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_before_a_triplet_has_finished_the_page_says_what_it_waits_for(client: Client, owner: User) -> None:
    assert "until one supervisor, its student and their ceiling have finished" in get(client, address(launched(owner)))


def test_predictions_of_texts_that_are_not_there_are_explained(client: Client, owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    assert "does not hold all examples of these runs" in get(client, address(experiment))


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
    one = ids_of("test")[0]
    assert f"{one}/nearby/" in get(client, address(experiment, f"{one}/"))
    assert "this student has none" in get(client, address(experiment, f"{one}/nearby/"))
    run = experiment.runs.get(key=experiment.triplets[1]["student"]).run_spec
    data = catalog.dataset("movie-reviews")
    store, vectors = Store(settings.ARTIFACTS_DIR), np.random.default_rng(0).normal(size=(data.rows, 4))
    write_features(store, store.features_file(run, catalog.MODELS[run.model].layers, "mean", "fp32"), vectors)
    page = get(client, address(experiment, f"{one}/nearby/"))
    shown = [int(found) for found in re.findall(r"examples/(\d+)/\?split=transfer", page)]
    assert len(shown) == 8
    assert set(shown) <= set(ids_of("transfer"))
    assert client.get(address(experiment, f"{ids_of('locked')[0]}/nearby/")).status_code == 404


def write(client: Client, experiment: Experiment, example: int, **words: str) -> Any:
    return client.post(address(experiment, f"{example}/write/"), words)


def test_tags_and_notes_are_kept_with_author_and_time_and_everybody_sees_them(client: Client, experiment: Experiment) -> None:
    one = ids_of("test")[0]
    write(client, experiment, one, do="tag", text="#Gold label  wrong")
    write(client, experiment, one, do="note", text="<b>Irony</b>, I think.")
    other = Client()
    other.force_login(User.objects.create_user("grace"))
    page = get(other, address(experiment, f"{one}/"))
    assert "gold label wrong" in page
    assert "&lt;b&gt;Irony&lt;/b&gt;, I think." in page
    assert "ada, 2" in page
    assert listed(get(other, address(experiment, "?tag=gold+label+wrong"))) == [one]
    assert 'value="untag"' not in page or "Take away" not in page
    for by, left in ((other, 1), (client, 0)):
        answers = [write(by, experiment, one, do="remove", text=str(Note.objects.get().pk))]
        answers.append(write(by, experiment, one, do="untag", text="gold label wrong"))
        assert {answer.status_code for answer in answers} == {403 if left else 302}
        assert (Note.objects.count(), Tag.objects.count()) == (left, left), "what somebody else wrote stays"


def test_a_tag_or_note_that_is_none_is_refused_and_what_was_typed_stays(client: Client, experiment: Experiment) -> None:
    one = ids_of("test")[0]
    for words in ({"do": "tag", "text": "<script>"}, {"do": "tag", "text": ""}, {"do": "note", "text": " "}):
        assert write(client, experiment, one, **words).status_code == 422
    answer = write(client, experiment, one, do="note", text="x" * 4001)
    assert answer.status_code == 422
    assert "x" * 4001 in answer.content.decode()
    assert write(client, experiment, ids_of("locked")[0], do="tag", text="seen").status_code == 404


def test_preferences_show_both_sides_with_the_words_in_which_they_differ(client: Client, owner: User) -> None:
    experiment = explored(owner, data={"name": "movie-preferences"})
    page = get(client, address(experiment))
    assert '<span class="side">A</span>' in page
    assert '<span class="side">B</span>' in page
    assert "<u>" in page
    one = listed(page)[0]
    assert "Label 1 says that A is preferred" in get(client, address(experiment, f"{one}/"))


def test_a_column_more_and_the_examples_of_one_group(client: Client, experiment: Experiment) -> None:
    page = get(client, address(experiment, "?column=group&column=length&cell=5"))
    assert ">Words</th>" in page
    assert ">Gold label</th>" not in page
    link = re.search(r'href="(\?[^"]*group=\d+[^"]*)" title="all examples of this group"', page)
    assert link
    assert listed(get(client, address(experiment, unescape(link[1])))) == listed(page)[:1]


def test_who_is_not_logged_in_sees_nothing(experiment: Experiment) -> None:
    assert Client().get(address(experiment)).status_code == 302
    assert Client().get(address(experiment, f"{ids_of('test')[0]}/")).status_code == 302


HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "</td></tr></table><h1>Not a heading</h1>",
    "\u202egnirts desrever\u202c and \u2066an isolate\u2069",
    "nul \x00 byte",
    "{{ 7|add:7 }} {% load lab %}",
    "👩\u200d🔬 e\u0301 \ue000mark\ue001",
    "w" * 1_000_000,
]


def test_hostile_texts_are_shown_as_texts(client: Client, experiment: Experiment) -> None:
    with_texts(experiment, HOSTILE)
    ids = ids_of("test")[: len(HOSTILE)]
    pages = [
        get(client, address(experiment, query)) for query in ("?sort=length", "?sort=id", "?q=script", "?q=%3Cscript&mode=phrase")
    ]
    pages += [get(client, address(experiment, f"{one}/?q=script")) for one in ids]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<h1>Not" not in page
    assert "&lt;<mark>script</mark>&gt;alert(1)" in pages[2]
    assert "<mark>&lt;script</mark>&gt;alert(1)" in pages[3]
    assert all(len(page) < 400_000 for page in pages[:4]), "a list shows the beginning of a text"
    assert "w" * 1_000_000 in pages[4 + HOSTILE.index("w" * 1_000_000)]
    assert "{{ 7|add:7 }}" in pages[4 + 4]
    assert 'dir="auto"' in pages[0]


def test_what_is_searched_for_is_shown_as_text_too(client: Client, experiment: Experiment) -> None:
    page = get(client, address(experiment, "?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"))
    assert "<script>alert" not in page
    assert "No example here is like that" in page


@pytest.mark.parametrize("how", ["csv", "jsonl", "parquet", "datasets"])
def test_every_export_answers_with_a_file(client: Client, experiment: Experiment, how: str) -> None:
    answer = client.get(address(experiment, f"export/{how}/?cell=5"))
    assert answer.status_code == 200
    assert len(b"".join(answer)) > 100
    assert "attachment" in answer["Content-Disposition"]
    assert client.get(address(experiment, "export/exe/")).status_code == 404


def test_words_are_asked_for_and_tinted_by_what_they_do_to_the_gold_label(client: Client, experiment: Experiment) -> None:
    example = ids_of("test")[0]
    there = address(experiment, f"{example}/words/")
    assert "Ask the three models" in client.get(there).content.decode()
    assert client.post(there).status_code == 302
    asked = client.get(there).content.decode()
    assert "The models are being asked" in asked
    assert 'hx-trigger="every 1s"' in asked
    questions = erasures.claim_next()
    assert [one.example for one in questions] == [example] * 3
    pieces = (Piece(side="a", start=0, end=3, effect=2.0), Piece(side="a", start=4, end=6, effect=-1.0))
    found = [Attribution(run=one.key, id=example, log_odds=0.5, pieces=pieces) for one in questions[:2]]
    erasures.answer(questions, found, "It took <i>too</i> long.")
    page = client.get(there).content.decode()
    assert page.count('<mark class="for5" title="+2.00">') == 2
    assert page.count('title="−1.00"') == 2
    assert "It took &lt;i&gt;too&lt;/i&gt; long." in page
    assert "Ask again" in page


def test_nobody_can_ask_for_words_of_a_locked_example_or_of_none(client: Client, experiment: Experiment) -> None:
    for example in (ids_of("locked")[0], 999_999_999):
        there = address(experiment, f"{example}/words/")
        assert client.get(there).status_code == 404
        assert client.post(there).status_code == 404
    assert erasures.claim_next() == []
