"""An experiment on written answers on every page, in the API and behind a share: answers take the place of probabilities."""

import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import of
from tests.factories.shares import CHOICES, visitor
from tests.factories.written_experiments import NAME, make_dataset, written
from training.catalog import library
from training.catalog.check_report import AnswerReport
from training.spec import warnings
from webapp.accounts.tokens import make_token
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment, Role, Status
from webapp.findings.run_state import ANSWERS, phase_words
from webapp.notes import services as notes
from webapp.notes.models import WRONG
from webapp.pages.experiments.form import SpecForm
from webapp.reports.choices import Highlight
from webapp.reports.composition import compose
from webapp.reports.html import PageLinks, page
from webapp.reports.offline import offline
from webapp.reports.pdf import pdf
from webapp.shares import services as shares

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous
EXAMPLE = 1002
"""An example with two references."""


@pytest.fixture
def experiment(owner: User, called: list[str]) -> Experiment:
    make_dataset()
    return written(owner)


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    content = b"".join(answer) if answer.streaming else answer.content
    return " ".join(content.decode().split())


def test_every_page_of_the_experiment_and_of_its_runs_can_be_read(experiment: Experiment, client: Client) -> None:
    page = text(client, f"/experiments/{experiment.pk}/")
    sections = set(re.findall(r'href="(\?section=\w+[^"]*)"', page))
    addresses = [f"/experiments/{experiment.pk}/{section.replace('&amp;', '&')}" for section in sections]
    addresses += [f"/runs/{run.pk}/" for run in experiment.runs.all()]
    addresses += ["/", "/queue/", "/experiments/", "/leaderboard/", f"/experiments/new/?from={experiment.pk}"]
    addresses += [f"/compare/?e={experiment.pk}", f"/experiments/{experiment.pk}/share/"]
    for address in addresses:
        text(client, address)
    assert "written answers, on half B" in page
    run = text(client, f"/runs/{of(experiment, Role.STUDENT).pk}/")
    assert "what its supervisor wrote" in run
    assert "Last number" in run


def test_the_list_has_prompts_references_and_what_each_model_wrote(experiment: Experiment, client: Client) -> None:
    page = text(client, f"/experiments/{experiment.pk}/examples/?column=gold&column=difficulty")
    assert "120 examples" in page
    assert "What is 2 plus 0?" in page
    assert "2 and 0 make 2" in page
    assert "I do not know &lt;b&gt;" in page
    assert "log p" in page
    assert 'name="gold"' not in page
    assert re.search(r"Difficulty <span", page)
    assert "P(" not in page


def test_an_example_shows_the_differences_from_the_reference_in_words_too(experiment: Experiment, client: Client) -> None:
    page = text(client, f"/experiments/{experiment.pk}/examples/{EXAMPLE}/")
    assert "References" in page
    assert re.search(r'<ins ?><span class="visually-hidden" ?>\[added: ?</span>', page)
    assert re.search(r'<del ?><span class="visually-hidden" ?>\[missing: ?</span>', page)
    assert "There is no word importance" in page
    assert "themes" in page
    assert "row 2" in page
    assert "0 of 2" in page or "1 of 2" in page or "2 of 2" in page
    text(client, f"/experiments/{experiment.pk}/examples/{EXAMPLE}/words/", 404)
    assert "has none" in text(client, f"/experiments/{experiment.pk}/examples/{EXAMPLE}/nearby/")


def test_a_filter_for_labels_is_refused_on_the_page_and_the_rest_is_shown(experiment: Experiment, client: Client) -> None:
    page = text(client, f"/experiments/{experiment.pk}/examples/?gold=1&cell=1", 422)
    assert "written answers and no labels" in page
    assert re.search(r'role="status"> ?\d+ of 120 examples', page), "the cell is still chosen"


def test_diagnostics_say_why_there_are_none(experiment: Experiment, client: Client) -> None:
    assert "has no probabilities of classes" in text(client, f"/experiments/{experiment.pk}/diagnostics/")


def test_the_result_without_marked_examples_is_computed(experiment: Experiment, client: Client, owner: User) -> None:
    notes.tag(owner, experiment.runs.all()[0].run_spec.fingerprint, EXAMPLE, WRONG)
    assert "1 test example" in text(client, f"/experiments/{experiment.pk}/examples/marked/")


def test_the_api_has_the_written_answers(experiment: Experiment, owner: User) -> None:
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    root = f"/api/v1/experiments/{experiment.pk}"
    example = api.get(f"{root}/examples/{EXAMPLE}").json()["example"]
    assert example["references"] == ["2 and 0 make 2", "2"]
    assert example["columns"] == {"themes": "even, sum", "note": "row 2"}
    answer = artifact_store().read_answer(experiment.triplets[0]["weak"], EXAMPLE)
    assert answer is not None
    assert example["weak"]["text"] == answer.text[0]
    assert example["weak"]["log_probability"] == pytest.approx(float(answer.log_probability[0]))
    result = api.get(root).json()["result"]
    assert result["classes"] is None
    assert result["groups"][0]["transitions"]["changed"] is not None


def test_agreement_and_accuracy_are_those_of_the_exported_answers(experiment: Experiment, client: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(b"".join(client.get(f"/experiments/{experiment.pk}/examples/export/csv/")).decode())))
    assert experiment.result is not None
    store, [naive] = artifact_store(), experiment.result["groups"]
    assert len(rows) == 120
    agreed = []
    for triplet in experiment.triplets:
        weak, student = (store.read_answers(triplet[role]).part("test") for role in ("weak", "student"))
        agreed.append(np.mean((weak.answer == student.answer) & (weak.answer != "")))
    assert naive["agreement"]["overall"]["value"] == pytest.approx(np.mean(agreed))
    first = np.mean([row["weak_answer"] == row["student_answer"] != "" for row in rows])
    assert first == pytest.approx(agreed[0])


def test_a_frozen_share_keeps_answers_columns_and_highlights(experiment: Experiment, owner: User) -> None:
    choices = CHOICES.model_copy(update={"examples": "all", "highlights": (Highlight(example=EXAMPLE),)})
    share = shares.share_frozen(experiment, choices, owner)
    reader, root = visitor(share)[0], f"/shared/{share.slug}/"
    report = text(reader, root)
    assert "2 and 0 make 2 or 2" in report
    assert "writes an answer to each prompt" in report
    assert "Weak labels soft" not in report
    assert "log p" in report
    assert "120 examples" in text(reader, f"{root}v1/examples/")
    page = text(reader, f"{root}v1/examples/{EXAMPLE}/")
    assert "row 2" in page
    assert "over training" in page


def test_a_report_draws_the_positions_of_its_examples_on_page_and_paper(owner: User, called: list[str]) -> None:
    make_dataset(fen="4k3/8/8/8/8/8/4P3/4K2R w K - 0 1", legal_san=["Rh8+", "e4"], legal_uci=["h1h8", "e2e4"], last_move="d8e8")
    experiment = written(owner)
    choices = CHOICES.model_copy(update={"highlights": (Highlight(example=EXAMPLE),)})
    report = compose(experiment, choices, owner)
    [shown] = report.highlights
    assert shown.board is not None
    assert [move.text for move in shown.moves] == [answer.label for answer in shown.answers]
    for html in (page(report, PageLinks()), offline(report).decode()):
        assert "Chess position, White to move" in html
        assert "Last move: d8 to e8." in html
    assert ".chess-board .dark" in offline(report).decode()
    assert pdf(report).startswith(b"%PDF")


def test_decoding_has_a_progress_of_its_own(experiment: Experiment) -> None:
    run = of(experiment, Role.STUDENT)
    run.status, run.phase, run.phase_done, run.phase_total = Status.RUNNING, ANSWERS, 100, 200
    assert phase_words(run) == "writing answers, 100 of 200"


def test_the_form_explains_at_each_field_what_written_answers_rule_out(experiment: Experiment) -> None:
    form = SpecForm.of(experiment.experiment_spec)
    assert form.spec is not None
    probe = SpecForm({**form.raw, "weak__tuning": ["probe"], "weak__models": ["bag-of-words"]})
    at = {row.leaf.spec_path: row.problems for row in probe.rows if row.problems}
    assert "writes no answers" in " ".join(at["weak.tuning"])
    assert "Only a decoder writes answers" in " ".join(at["weak.models"])


def test_prompts_and_answers_that_are_probably_too_long_are_a_warning_at_their_limits(experiment: Experiment) -> None:
    card = library.get(NAME)
    assert card is not None
    answers = AnswerReport(
        distinct=9, commonest="9", commonest_rows=9, several=0, prompt_characters=(20, 2000), answer_characters=(2, 100)
    )
    changed = card.model_copy(update={"report": card.report.model_copy(update={"answers": answers})})
    library.put(changed, Path(shutil.copy(library.file_of(card.fingerprint), library.folder() / "copy.parquet")))
    spec = experiment.experiment_spec
    spec = spec.model_copy(
        update={
            "weak": spec.weak.model_copy(update={"max_tokens": 400, "answer_tokens": 19}),
            "strong": spec.strong.model_copy(update={"max_tokens": 399, "answer_tokens": 20}),
        }
    )
    places = {problem.path: problem.message for problem in warnings(spec)}
    assert places.keys() - {"seeds", "strong.models"} == {"weak.answer_tokens", "strong.max_tokens"}
    assert "The longest prompt has 2,000 characters" in places["strong.max_tokens"]


def test_a_new_experiment_on_written_answers_only_has_to_choose_models(experiment: Experiment, client: Client) -> None:
    page = text(client, "/experiments/new/?data=sums")
    assert page.count("Only a decoder writes answers, and Bag of words is none") == 1
    assert "writes no answers" not in page
    assert "needs probabilities of classes" not in page
    assert re.search(r'<option value="sums" selected', page)
