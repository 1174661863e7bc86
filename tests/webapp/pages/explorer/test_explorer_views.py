"""The page of disagreements: the matrix, the list, filters and exports."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched
from tests.factories.explored_experiments import address, ids_of, with_texts
from tests.webapp.pages.explorer.page_parts import cells, get, listed
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


def test_the_cells_sum_to_the_test_set_and_list_what_the_predictions_say(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment)).content.decode()
    assert sum(cells(page)) == 300
    assert len(listed(page)) == 50
    store, triplet = artifact_store(), experiment.triplets[1]
    seen = [store.read_predictions(triplet[role]).part("test") for role in ("weak", "student", "ceiling")]
    for cell, count in enumerate(cells(page), 1):
        wrong = [bool(cell - 1 & bit) for bit in (4, 2, 1)]
        expected = {
            int(example_id)
            for example_id, *right in zip(seen[0].id, *(part.right for part in seen), strict=True)
            if [not each for each in right] == wrong
        }
        shown: list[int] = []
        query = f"?cell={cell}"
        while query:
            part = client.get(address(experiment, query)).content.decode()
            shown += listed(part)
            following = re.search(r'href="(\?[^"]*)" rel="next"', part)
            query = unescape(following[1]) if following else ""
        assert len(shown) == len(expected) == count
        assert set(shown) == expected


def test_the_head_method_comes_first_and_every_other_one_is_a_link(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment)).content.decode()
    assert re.search(r'aria-current="true">confidence</a>', page)
    other = re.search(r'href="\?(student=\w+)">naive</a>', page)
    assert other
    page = client.get(address(experiment, f"?{other[1]}")).content.decode()
    assert re.search(r'aria-current="true">naive</a>', page)
    assert sum(cells(page)) == 300


def test_any_two_models_can_be_the_axes(client: Client, experiment: Experiment) -> None:
    first, second = experiment.triplets[1]["student"], experiment.triplets[3]["student"]
    page = client.get(address(experiment, f"?weak={first[:12]}&student={second[:12]}")).content.decode()
    assert "Student confidence, seed 0 right" in page
    assert "Student confidence, seed 1" in page
    assert ">Ceiling, seed" not in page, "only what could be confused is told apart"
    assert sum(cells(page)) == 300
    assert "alone errs" in page


def test_half_b_is_another_set_of_examples_and_locked_rows_are_nowhere(client: Client, experiment: Experiment) -> None:
    page = client.get(address(experiment, "?split=transfer")).content.decode()
    assert sum(cells(page)) == 200
    assert client.get(address(experiment, "?split=locked")).status_code == 422
    for example_id in ids_of("locked")[:3]:
        assert client.get(address(experiment, f"{example_id}/")).status_code == 404
        assert client.get(address(experiment, f"{example_id}/?split=transfer")).status_code == 404


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


def test_before_a_triplet_has_finished_the_page_says_what_it_waits_for(client: Client, owner: User) -> None:
    assert "until one supervisor, its student and their ceiling have finished" in get(client, address(launched(owner)))


def test_predictions_of_texts_that_are_not_there_are_explained(client: Client, owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    assert "does not hold all examples of these runs" in get(client, address(experiment))


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
    pages += [get(client, address(experiment, f"{example_id}/?q=script")) for example_id in ids]
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
    assert "No example matches" in page


@pytest.mark.parametrize("how", ["csv", "jsonl", "parquet", "datasets"])
def test_every_export_answers_with_a_file(client: Client, experiment: Experiment, how: str) -> None:
    answer = client.get(address(experiment, f"export/{how}/?cell=5"))
    assert answer.status_code == 200
    assert len(b"".join(answer)) > 100
    assert "attachment" in answer["Content-Disposition"]
    assert client.get(address(experiment, "export/exe/")).status_code == 404
