"""Students from outside: texts and weak labels are handed out without truth, and predictions that come back are scored."""

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories import images
from tests.factories.api_clients import api_of
from tests.factories.explored_experiments import explored
from tests.factories.lab_clients import lab_client
from tests.factories.outside import labels_file, rows_of, write_csv
from tests.factories.trained import train_all
from tests.webapp.page_text import plain, text
from training import make_plan
from training.client import Lab, Refused
from training.metrics.results import Result
from training.spec.methods import Submitted
from webapp.archives.handout import NotHandedOut, packed
from webapp.artifact_store import artifact_store
from webapp.audit.models import Entry
from webapp.experiments import submissions
from webapp.experiments.models import Experiment

DATA = "movie-reviews"
STUDENT = """
import csv, io, sys, zipfile
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
with zipfile.ZipFile(sys.argv[1]) as pack:
    half, test = (list(csv.DictReader(io.TextIOWrapper(pack.open(name), "utf-8"))) for name in ("half-b-seed-0.csv", "test.csv"))
words = TfidfVectorizer().fit([row["text"] for row in half])
weak = [float(row["probability_1"]) > 0.5 for row in half]
model = LogisticRegression().fit(words.transform([row["text"] for row in half]), weak)
with open(sys.argv[2], "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "probability"])
    for row, value in zip(test, model.predict_proba(words.transform([row["text"] for row in test]))[:, 1]):
        writer.writerow([row["id"], f"{value:.6f}"])
"""


@pytest.fixture
def lab(owner: User) -> Iterator[Lab]:
    with lab_client(owner) as lab:
        yield lab


@pytest.fixture
def page(client: Client, owner: User, called: list[str]) -> Client:
    client.force_login(owner)
    return client


def tables(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each CSV file of what was handed out."""
    with zipfile.ZipFile(path) as pack:
        names = [name for name in pack.namelist() if name.endswith(".csv")]
        return {name: list(csv.DictReader(io.TextIOWrapper(pack.open(name), "utf-8"))) for name in names}


def test_supervisor_and_student_of_other_programs_stand_beside_our_own_student(
    lab: Lab, page: Client, called: list[str], tmp_path: Path
) -> None:
    labels = lab.add_supervisor(DATA, [labels_file(tmp_path / "labels.csv", DATA)], name="annotators", source="Three people")
    small = {"models": ["bag-of-words"], "epochs": 3}
    spec = {"name": "Both", "weak": {"models": [labels["model"]]}, "strong": small, "methods": [{"kind": "naive"}], "seeds": 2}
    experiment = lab.launch(spec | {"data": {"limit": 400}})
    record = Experiment.objects.get(pk=experiment.id)
    with pytest.raises(Refused, match="have not finished"):
        experiment.handout(tmp_path / "early.zip")
    train_all(record)

    experiment.handout(tmp_path / "handout.zip")
    subprocess.run([sys.executable, "-c", STUDENT, tmp_path / "handout.zip", tmp_path / "predictions.csv"], check=True)
    answer = experiment.submit([tmp_path / "predictions.csv"], "tfidf", "Grace", "Logistic regression on words.")
    assert (answer["used"], answer["budget"], answer["submissions"][0]["author"]) == (1, 10, "Grace")
    record.refresh_from_db()
    train_all(record)

    ids, truth, _ = rows_of(DATA)
    gold = dict(zip(ids.tolist(), truth.tolist(), strict=True))
    given = {int(row["id"]): float(row["probability"]) for row in csv.DictReader((tmp_path / "labels.csv").open())}
    sent = {int(row["id"]): float(row["probability"]) for row in csv.DictReader((tmp_path / "predictions.csv").open())}
    triplets = [triplet for triplet in make_plan(record.experiment_spec).triplets if triplet.method == 1]
    ceilings = [artifact_store().read_predictions(triplet.ceiling).part("test") for triplet in triplets]
    ceiling = np.mean(
        [np.mean([(p > 0.5) == gold[i] for i, p in zip(part.id.tolist(), part.prob, strict=True)]) for part in ceilings]
    )
    weak = np.mean([(given[example] > 0.5) == gold[example] for example in sent])
    student = np.mean([(value > 0.5) == gold[example] for example, value in sent.items()])
    groups = {group.method: group for group in Result.model_validate(record.result).groups}
    group = groups["submitted"]
    assert group.gain
    assert group.gap
    assert group.student
    assert group.student.value == pytest.approx(student)
    assert group.gain.value == pytest.approx(student - weak)
    assert group.gap.value == pytest.approx(ceiling - weak)
    assert groups["naive"].gap == group.gap

    said = text(page, f"/experiments/{record.pk}/")
    title = submissions.submissions_of(record.experiment_spec)[0].title
    for words in (f"{title}, submitted from outside", "Naive", "annotators@", "look 1,", "“Logistic regression on words.”"):
        assert words in said
    assert Entry.objects.get(verb="submitted").details["look"] == 1


def test_what_is_handed_out_has_weak_labels_and_no_truth(lab: Lab, page: Client, owner: User, tmp_path: Path) -> None:
    experiment = explored(owner, seeds=2)
    lab.experiment(experiment.pk).handout(tmp_path / "handout.zip")
    assert page.get(f"/experiments/{experiment.pk}/outside/handout/").status_code == 200
    handed = tables(tmp_path / "handout.zip")
    assert list(handed) == ["half-b-seed-0.csv", "half-b-seed-1.csv", "test.csv"]
    assert list(handed["test.csv"][0]) == ["id", "text"]
    assert list(handed["half-b-seed-0.csv"][0]) == ["id", "text", "probability_0", "probability_1"]
    ids, _, written = rows_of(DATA)
    texts = dict(zip(ids.tolist(), written, strict=True))
    for triplet in make_plan(experiment.experiment_spec).triplets[:1]:
        weak = artifact_store().read_predictions(triplet.weak)
        rows = handed[f"half-b-seed-{triplet.seed}.csv"]
        part = weak.part("transfer")
        assert [int(row["id"]) for row in rows] == sorted(part.id.tolist())
        known = dict(zip(part.id.tolist(), part.prob.tolist(), strict=True))
        assert [float(row["probability_1"]) for row in rows] == pytest.approx([known[int(row["id"])] for row in rows])
        assert all(row["text"] == texts[int(row["id"])] for row in [*rows, *handed["test.csv"]])
        assert [int(row["id"]) for row in handed["test.csv"]] == sorted(weak.part("test").id.tolist())


def test_images_are_not_handed_out_as_texts(page: Client, owner: User, tmp_path: Path) -> None:
    pictures = {"data": {"name": images.in_library(tmp_path)}, "weak": {"models": ["pixels-4x4"]}}
    record = explored(owner, **pictures, strong={"models": ["pixels-7x7"]}, seeds=1)
    with pytest.raises(NotHandedOut, match="Only texts with classes are handed out"):
        packed(record)
    content = plain(page.get(f"/experiments/{record.pk}/outside/").content.decode())
    assert "Only texts with classes are handed out" in content
    assert "Download the labels" not in content


def test_the_eleventh_submission_of_ten_is_refused(lab: Lab, page: Client, owner: User, tmp_path: Path) -> None:
    record = explored(owner)
    weak = record.experiment_spec.weak.models[0]
    for look in range(1, 11):
        assert submissions.submit(record, Submitted(model=f"given:student@{look:016x}", weak=weak)) == look
    file = write_csv(tmp_path / "eleventh.csv", ["id", "probability"], [(1, 0.5)])
    with pytest.raises(Refused, match="all 10 looks of this experiment are used"):
        lab.experiment(record.pk).submit([file], "eleventh", "Grace", "Again.")
    assert "10 of 10 looks at the test set used" in text(page, f"/experiments/{record.pk}/outside/")
    record.refresh_from_db()
    assert len(record.experiment_spec.methods) == 12
    with pytest.raises(ValueError, match="all 10 looks"):
        submissions.submit(record, Submitted(model=f"given:student@{11:016x}", weak=weak))


def test_the_owner_alone_sets_the_number_of_looks(people: dict[str, User | None], owner: User, called: list[str]) -> None:
    record = explored(owner)
    assert people["other"]
    assert api_of(people["other"])("PATCH", f"/experiments/{record.pk}", {"look_budget": 99})[0] == 403
    assert api_of(owner)("PATCH", f"/experiments/{record.pk}", {"look_budget": 3})[1]["look_budget"] == 3
    client = Client()
    client.force_login(people["other"])
    assert client.post(f"/experiments/{record.pk}/outside/looks/", {"looks": 50}).status_code == 403
    client.force_login(owner)
    assert client.post(f"/experiments/{record.pk}/outside/looks/", {"looks": "many"}).status_code == 422
    assert client.post(f"/experiments/{record.pk}/outside/looks/", {"looks": 5}).status_code == 302
    record.refresh_from_db()
    assert record.look_budget == 5


def test_a_file_with_a_problem_costs_no_look(page: Client, owner: User, tmp_path: Path) -> None:
    record = explored(owner)
    file = write_csv(tmp_path / "few.csv", ["id", "probability"], [(1, 0.5), (1, 0.6)])
    about = {"name": "few", "author": "Grace", "text": "Two rows."}
    address = f"/experiments/{record.pk}/outside/"
    answer = page.post(address, {**about, "file": SimpleUploadedFile("few.csv", file.read_bytes())})
    assert answer.status_code == 422
    assert "1 id is doubled: 1 (rows 1 and 2)." in plain(answer.content.decode())
    assert "Choose a file." in plain(page.post(address, about).content.decode())
    nameless = page.post(address, {**about, "author": "", "file": SimpleUploadedFile("few.csv", file.read_bytes())})
    assert re.search(r'id="author"[^>]*aria-invalid="true"', nameless.content.decode())
    ids, _, _ = rows_of(DATA)
    half = write_csv(tmp_path / "half.csv", ["id", "probability"], [(example, 0.4) for example in ids[::2].tolist()])
    answer = page.post(address, {**about, "file": SimpleUploadedFile("half.csv", half.read_bytes())})
    assert "missing in the test set: " in plain(answer.content.decode())
    record.refresh_from_db()
    assert not submissions.submissions_of(record.experiment_spec)


def test_a_submission_is_of_one_supervisor_and_of_no_clone(owner: User, called: list[str]) -> None:
    record = explored(owner, weak={"models": ["bag-of-words", "minilm-l1"]}, strong={"models": ["minilm-l2"]})
    method = Submitted(model="given:student@0123456789abcdef", weak="minilm-l1")
    submissions.submit(record, method)
    with pytest.raises(ValueError, match="submitted already"):
        submissions.submit(record, method)
    record.refresh_from_db()
    spec = record.experiment_spec
    assert method in spec.methods
    assert method not in submissions.without_submitted(spec).methods
    status, answer = api_of(owner)("POST", "/experiments", spec.model_dump(mode="json"))
    assert (status, answer["errors"][0]["path"]) == (422, "methods")
    assert "submitted to an experiment that has finished" in answer["errors"][0]["message"]
    assert api_of(owner)("PATCH", f"/experiments/{record.pk}", {"name": "Another name"})[0] == 200
    client = Client()
    client.force_login(owner)
    assert "submitted" not in client.get(f"/experiments/new/?from={record.pk}").content.decode()
