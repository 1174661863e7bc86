"""The pages of data sets, from the upload to the data set library and to the page of a result."""

import random
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories.datasets import checked, copied_over, letter_or_text, long_and_short
from tests.factories.experiments import finish_all, launched
from tests.factories.imports import WORDS, content, sums, work
from tests.factories.uploads import files_of
from tests.webapp.page_text import plain, text
from training import catalog
from training.catalog import library
from training.catalog.library import Card
from webapp.imports.models import Import, State


def upload(page: Client, body: bytes, name: str = "notes.csv") -> Any:
    return page.post("/datasets/upload/", {"file": SimpleUploadedFile(name, body)})


def sent_for_checks(page: Client, **changes: str) -> Import:
    upload(page, content())
    imported = Import.objects.get()
    answer = page.post(
        f"/datasets/imports/{imported.pk}/check/",
        {"kind": "labelled", "text": "body", "label": "verdict", "classes": "no\nyes", **changes},
    )
    assert answer.status_code == 302, plain(answer.content.decode())
    return imported


@pytest.mark.parametrize("path", ["/datasets/", "/datasets/upload/", "/datasets/movie-reviews/", "/datasets/imports/1/"])
def test_strangers_are_sent_to_the_login(client: Client, db: None, path: str) -> None:
    assert client.get(path).headers["Location"] == f"/login/?next={path}"


def test_the_list_tells_what_is_ready_and_what_can_be_fetched(page: Client) -> None:
    said = text(page, "/datasets/")
    assert "Movie reviews movie-reviews, embedded negative / positive 10,568 50% MIT no warnings" in said
    assert "BoolQ google/boolq yes the passage" in said
    html = page.get("/datasets/").content.decode()
    assert all(f'action="/datasets/{name}/fetch/"' in html for name in catalog.REGISTERED)


def test_the_page_of_a_data_set_shows_its_report(page: Client) -> None:
    said = text(page, "/datasets/movie-reviews/")
    for words in ("49.6% positive", "10,566 groups, the largest with 2 rows", "Bag of words", "4 of 10,568 texts", "Hutto"):
        assert words in said
    assert "<svg" in page.get("/datasets/movie-reviews/").content.decode()


def test_the_report_of_preferences_tells_the_lengths_of_preferred_and_rejected_texts(page: Client) -> None:
    content = text(page, "/datasets/movie-preferences/")
    assert "median words: " in content
    assert "rejected preferred From the source" in content
    assert "% the first is rated higher" in content


def test_a_registered_one_says_how_to_fetch_it_and_its_button_queues_that(page: Client) -> None:
    assert "python -m training data fetch boolq" in text(page, "/datasets/boolq/")
    answer = page.post("/datasets/boolq/fetch/")
    imported = Import.objects.get()
    assert answer.headers["Location"] == f"/datasets/imports/{imported.pk}/"
    assert (imported.registered, imported.state) == ("boolq", State.QUEUED)
    assert "It waits for the worker of data sets." in text(page, f"/datasets/imports/{imported.pk}/")
    assert "is not on this machine" in text(page, f"/datasets/imports/{work(imported).pk}/")
    page.post(f"/datasets/imports/{imported.pk}/again/")
    imported.refresh_from_db()
    assert imported.state == State.QUEUED


@pytest.mark.parametrize("path", ["/datasets/nothing/", "/datasets/imports/99/"])
def test_what_is_not_there_is_not_found(page: Client, path: str) -> None:
    assert page.get(path).status_code == 404


@pytest.mark.parametrize(
    ("phase", "done", "total", "said"),
    [
        ("downloading train-00000-of-00001", 2**20, 2**22, "Downloading train-00000-of-00001: 1.0 MB of 4.0 MB."),
        ("waiting for the Hub", 20, 60, "The Hub has had too many requests, and is asked again in 40 seconds."),
    ],
)
def test_a_fetch_shows_its_download_and_its_wait(page: Client, owner: User, phase: str, done: int, total: int, said: str) -> None:
    row = Import.objects.create(owner=owner, registered="boolq", state=State.RUNNING, phase=phase, done=done, total=total)
    assert said in text(page, f"/datasets/imports/{row.pk}/").replace("\xa0", " ")


def test_an_upload_shows_its_first_rows_and_guesses_what_is_what(page: Client) -> None:
    answer = upload(page, content())
    imported = Import.objects.get()
    assert answer.headers["Location"] == f"/datasets/imports/{imported.pk}/"
    html = page.get(answer.headers["Location"]).content.decode()
    assert 'value="body" list="columns"' in html
    assert '<option value="verdict" selected>verdict</option>' in html
    assert ">no\nyes</textarea>" in html


def test_a_file_that_cannot_be_read_is_refused_where_it_was_chosen(page: Client) -> None:
    answer = upload(page, b"PK\x03\x04", "notes.csv")
    assert answer.status_code == 422
    assert "compressed (zip)" in plain(answer.content.decode())
    assert "Choose a file." in plain(page.post("/datasets/upload/").content.decode())
    assert not Import.objects.exists()


def test_a_mapping_that_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(page: Client) -> None:
    upload(page, content())
    imported = Import.objects.get()
    answer = page.post(
        f"/datasets/imports/{imported.pk}/check/",
        {"kind": "labelled", "text": "{body}!", "label": "verdict", "classes": "no =\nyes"},
    )
    assert answer.status_code == 422
    html = answer.content.decode()
    assert 'id="help-classes" role="alert">Class 0: Needs at least one entry.' in html
    assert 'value="{body}!"' in html


ANSWERED = {"kind": "answers", "prompt": "{question}\\nA:", "answers": "answer", "extract": "number", "longest": "20"}


def checked_sums(page: Client, body: bytes, **changes: str) -> str:
    """The page of an import of prompts and answers after its checks."""
    upload(page, body, "sums.csv")
    imported = Import.objects.get()
    assert page.post(f"/datasets/imports/{imported.pk}/check/", ANSWERED | changes).status_code == 302
    work(imported)
    return text(page, f"/datasets/imports/{imported.pk}/")


def test_a_file_of_prompts_and_answers_becomes_a_data_set_whose_page_shows_both(page: Client) -> None:
    said = checked_sums(page, sums(), difficulty="difficulty", keep="topic")
    assert "Trivial baselines" not in said
    assert "150 different answers" in said
    pk = Import.objects.get().pk
    assert page.post(f"/datasets/imports/{pk}/save/", {"name": "sums"}).headers["Location"] == "/datasets/sums/"
    said = text(page, "/datasets/sums/")
    for words in (
        "prompts answers From the source",
        "Different answers 150",
        "Difficulty 1 to 3, median 2",
        "Further columns topic",
        "An answer is Last number",
        "Prompts with answers 150",
        "Answer Prompt",
    ):
        assert words in said, words
    assert re.search(r"What is \d+ \+ \d+\? A:", said)
    assert "sums answers: last number 150 1% not stated 1 warning" in text(page, "/datasets/")


@pytest.mark.parametrize(
    ("rows", "changes", "sentence"),
    [
        (["What is 1?,,1,x"], {}, "Column “answer”: the answer is empty in 1 of 151 rows, first in row 151."),
        (["What is 1?,one,1,x"], {}, "the rule (Last number) finds no answer in 1 of 151 rows, first in row 151: “one”."),
        (["What is 1?,111111,1,x"], {"longest": "4"}, "the answer has more than 4 characters in 1 of 151 rows"),
    ],
)
def test_answers_that_cannot_be_used_are_said_on_the_page_of_the_import(
    page: Client, rows: list[str], changes: dict[str, str], sentence: str
) -> None:
    assert sentence in checked_sums(page, sums(150, *rows), **changes)


def test_a_made_data_set_takes_its_seed_from_the_form(page: Client) -> None:
    assert "The laboratory makes it from the seed" in text(page, "/datasets/arithmetic-addition/")
    answer = page.post("/datasets/arithmetic-addition/fetch/", {"seed": "12"})
    imported = Import.objects.get()
    assert (answer.headers["Location"], imported.registered) == (
        f"/datasets/imports/{imported.pk}/",
        "arithmetic-addition-seed-12",
    )
    for seed, name in (("12", "arithmetic-addition-seed-12"), ("0", "arithmetic-addition")):
        page.post("/datasets/arithmetic-addition-seed-12/fetch/", {"seed": seed})
        assert Import.objects.first().registered == name  # type: ignore[union-attr]
    for seed in ("-1", "x", "1234567"):
        assert page.post("/datasets/arithmetic-addition/fetch/", {"seed": seed}).status_code == 404


def test_a_file_becomes_a_data_set_that_the_form_of_an_experiment_offers(page: Client) -> None:
    imported = sent_for_checks(page, text="{body}\\nverdict?", classes="denied = no\nagreed = yes")
    assert files_of(imported.folder)
    work(imported)
    said = text(page, f"/datasets/imports/{imported.pk}/")
    assert "Trivial baselines" in said
    assert "There are only 150 rows: expect wide intervals." in said
    refused = page.post(f"/datasets/imports/{imported.pk}/save/", {"name": "Bad Name"})
    assert refused.status_code == 422
    assert "cannot be a name" in plain(refused.content.decode())
    answer = page.post(f"/datasets/imports/{imported.pk}/save/", {"name": "notes"})
    assert answer.headers["Location"] == "/datasets/notes/"
    assert "agreed" in text(page, "/datasets/notes/")
    assert page.get(f"/datasets/imports/{imported.pk}/").headers["Location"] == "/datasets/notes/"
    html = page.get("/experiments/new/?data=notes").content.decode()
    assert '<option value="notes" selected>notes</option>' in html
    assert "expect wide intervals" in plain(html)


def stars(rows: int = 210) -> bytes:
    """A CSV file with three labels, and one row with another label."""
    draw = random.Random(0)
    lines = [f"{' '.join(draw.choices(WORDS, k=12))},{1 + 2 * (number % 3)}" for number in range(rows)]
    return "\n".join(["body,stars", *lines, "one more,none", ""]).encode()


def test_three_classes_are_guessed_named_checked_and_shown_with_their_sizes(page: Client) -> None:
    upload(page, stars())
    imported = Import.objects.get()
    html = page.get(f"/datasets/imports/{imported.pk}/").content.decode()
    assert '<option value="stars" selected>' in html
    assert ">1\n3\n5</textarea>" in html
    assert re.search(r'name="skip" value="yes" checked', html), "none is proposed as no label"
    how = {"kind": "labelled", "text": "body", "label": "stars", "classes": "bad = 1\nfair = 3\ngood = 5 | 4"}
    page.post(f"/datasets/imports/{imported.pk}/check/", how)
    html = page.get(f"/datasets/imports/{work(imported).pk}/").content.decode()
    assert "Row 211, column “stars”: “none” is none of the labels that are listed (1, 3, 5, 4)." in plain(html)
    assert ">bad = 1\nfair = 3\ngood = 5 | 4</textarea>" in html  # nothing typed is lost
    page.post(f"/datasets/imports/{imported.pk}/check/", how | {"skip": "yes"})
    said = text(page, f"/datasets/imports/{work(imported).pk}/")
    assert "Rows that give no example" in said
    assert "0 bad 70 33.3% 1 fair 70 33.3% 2 good 70 33.3%" in said
    assert "3 classes, 33.3% each" in said
    page.post(f"/datasets/imports/{imported.pk}/save/", {"name": "stars"})
    assert catalog.dataset("stars").classes == ("bad", "fair", "good")
    assert "bad / fair / good" in text(page, "/datasets/")


def test_a_failure_shows_its_row_and_the_mapping_again(page: Client) -> None:
    imported = sent_for_checks(page, classes="nope\nyes")
    work(imported)
    html = page.get(f"/datasets/imports/{imported.pk}/").content.decode()
    assert "Row " in plain(html)
    assert "“no” is none of the labels that are listed (nope, yes)" in plain(html)
    assert ">nope\nyes</textarea>" in html


def test_an_import_can_be_stopped_changed_and_discarded(page: Client) -> None:
    imported = sent_for_checks(page)
    page.post(f"/datasets/imports/{imported.pk}/stop/")
    assert "Stopped" in text(page, f"/datasets/imports/{imported.pk}/")
    page.post(f"/datasets/imports/{imported.pk}/again/")
    work(imported)
    page.post(f"/datasets/imports/{imported.pk}/change/")
    assert "First rows" in text(page, f"/datasets/imports/{imported.pk}/")
    page.post(f"/datasets/imports/{imported.pk}/discard/")
    assert not Import.objects.exists()


def test_an_experiment_on_a_data_set_that_was_not_fetched_is_refused_with_the_way_to_fetch_it(page: Client) -> None:
    assert "“boolq” has not been fetched yet" in text(page, "/experiments/new/?data=boolq")


@pytest.mark.parametrize(
    ("leak", "words"),
    [
        (copied_over, "nearly the same as a text of another group"),
        (letter_or_text, "sees only the form of a text"),
        (long_and_short, "sees only the length of a text"),
    ],
)
def test_a_leak_is_said_on_the_result_page_even_when_the_data_set_has_gone(
    page: Client, owner: User, tmp_path: Path, dataset_library: Path, leak: Any, words: str
) -> None:
    report = checked(tmp_path, leak())
    fields = dict.fromkeys(("title", "source", "licence", "citation", "group"), "x")
    known = {"rows": report.counts.kept, "fingerprint": "a" * 64, "classes": ("no", "yes"), "report": report}
    card = Card.model_validate({"name": "leaky", "made": datetime.now(UTC), **known, **fields})
    dataset_library.mkdir()
    library.put(card, tmp_path / "examples.parquet")
    experiment = launched(owner, data={"name": "leaky"})
    finish_all(experiment)
    assert words in text(page, f"/experiments/{experiment.pk}/")
    (dataset_library / "leaky.json").unlink()
    said = text(page, f"/experiments/{experiment.pk}/")
    assert said.count(words) == 1
    assert "About the data" in said
