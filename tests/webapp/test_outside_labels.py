"""Labels from outside in the laboratory: by page, API and client, and in the experiments that they supervise."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories.api_clients import api_of
from tests.factories.archives import bring, empty, shown, trained
from tests.factories.experiments import finish_all, launched
from tests.factories.lab_clients import lab_client
from tests.factories.outside import labels_file, noisy, write_csv
from tests.webapp.page_text import plain, text
from training import RunSpec, catalog
from training.catalog import outside
from training.client import Lab, Refused
from webapp.accounts.tokens import make_token
from webapp.archives.export import packed
from webapp.audit.models import Entry
from webapp.experiments.models import Experiment, Role
from webapp.reports.choices import Choices
from webapp.reports.composition import compose

DATA = "movie-reviews"
ABOUT = {"dataset": DATA, "name": "annotators", "source": "Three people", "licence": "CC BY 4.0"}


@pytest.fixture
def lab(owner: User) -> Iterator[Lab]:
    with lab_client(owner) as lab:
        yield lab


@pytest.fixture
def page(client: Client, owner: User, called: list[str]) -> Client:
    client.force_login(owner)
    return client


def sent(path: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(path.name, path.read_bytes())


def given(owner: User, tmp_path: Path) -> str:
    """Return the name of labels that were uploaded by API."""
    client = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    answer = client.post("/api/v1/supervisors", {**ABOUT, "files": [sent(labels_file(tmp_path / "labels.csv", DATA))]})
    assert answer.status_code == 201, answer.content
    model: str = answer.json()["model"]
    return model


def spec(model: str, **changes: object) -> dict[str, Any]:
    small = {"models": [model]}
    return {
        "name": "Given",
        "weak": small,
        "strong": {"models": ["bag-of-words"]},
        "methods": [{"kind": "naive"}],
        "seeds": 1,
    } | changes


def test_labels_are_uploaded_on_the_page_of_their_data_set(page: Client, tmp_path: Path) -> None:
    assert "Labels from outside" in text(page, f"/datasets/{DATA}/")
    answer = page.post("/datasets/labels/upload/", {**ABOUT, "file": sent(labels_file(tmp_path / "labels.csv", DATA))})
    assert answer.status_code == 302, plain(answer.content.decode())
    said = text(page, answer.headers["Location"])
    (card,) = outside.cards()
    for words in (
        "10,568 probabilities",
        "Three people",
        "Licence: CC BY 4.0",
        "one file, which stands for every seed",
        card.digest,
    ):
        assert words in said
    assert f"annotators@{card.digest[:7]} Three people" in text(page, f"/datasets/{DATA}/")
    assert Entry.objects.get(about="labels").details["digest"] == card.digest


def test_a_wrong_file_or_description_is_refused_on_the_page(page: Client, tmp_path: Path) -> None:
    ids, prob = noisy(DATA)
    bad = write_csv(tmp_path / "bad.csv", ["id", "probability"], [*zip(ids, prob, strict=True), (ids[0], 0.5)])
    answer = page.post("/datasets/labels/upload/", {**ABOUT, "file": sent(bad)})
    assert answer.status_code == 422
    assert f"1 id is doubled: {ids[0]} (rows 1 and {len(ids) + 1:,})." in plain(answer.content.decode())
    nameless = page.post("/datasets/labels/upload/", {**ABOUT, "name": "No Name!", "file": sent(bad)})
    assert "cannot be a name" in plain(nameless.content.decode())
    assert "Choose a file." in plain(page.post("/datasets/labels/upload/", ABOUT).content.decode())
    assert page.post("/datasets/labels/upload/", {**ABOUT, "dataset": "chess-puzzles"}).status_code == 404
    assert page.get("/datasets/labels/upload/").headers["Location"] == "/datasets/", "the name of a data set is missing"
    assert not outside.cards()


def test_the_client_sends_lists_and_launches_labels(lab: Lab, owner: User, called: list[str], tmp_path: Path) -> None:
    files = [labels_file(tmp_path / f"{seed}.csv", DATA, seed) for seed in range(2)]
    labels = lab.add_supervisor(DATA, files, name="annotators", source="Three people", text="By hand.")
    assert (labels["files"], labels["hard"], labels["missing"], labels["text"]) == (2, False, 0, "By hand.")
    assert [card["model"] for card in lab.supervisors(DATA)] == [labels["model"]]
    assert lab.supervisors("movie-preferences") == []
    experiment = lab.launch(spec("given:annotators", seeds=2))
    assert experiment.data["spec"]["weak"]["models"] == [labels["model"]]
    with pytest.raises(Refused, match="has a file for each of 2 seeds"):
        lab.launch(spec("given:annotators", seeds=3))
    with pytest.raises(Refused, match="There is no data set called “nothing” here"):
        lab.add_supervisor("nothing", files, name="annotators", source="x")


def test_only_students_and_ceilings_are_trained_and_every_page_says_so(page: Client, owner: User, tmp_path: Path) -> None:
    model = given(owner, tmp_path)
    experiment = launched(owner, **spec(model))
    weak = experiment.parts.get(role=Role.WEAK).run
    assert RunSpec.model_validate(weak.spec).given
    finish_all(experiment)
    title = outside.title_of(model)
    assert f"{title}, from outside" in text(page, f"/experiments/{experiment.pk}/")
    said = text(page, f"/runs/{weak.pk}/")
    assert f"Weak supervisor: {title}, seed 0" in said
    assert "nothing here: its labels come from outside" in said
    assert "Three people, CC BY 4.0." in said
    assert model.partition("@")[2] in said


def test_the_form_offers_labels_and_refuses_what_they_cannot_do(page: Client, owner: User, tmp_path: Path) -> None:
    model = given(owner, tmp_path)
    html = page.get(f"/experiments/new/?data={DATA}&weak={model}").content.decode()
    assert f'value="{model}"' in html
    assert f"{outside.title_of(model)}, labels of {DATA}" in plain(html)
    fields = {
        "name": "Given",
        "weak__models": model,
        "strong__models": "bag-of-words",
        "methods__0__kind": "bagging",
        "do": "launch",
    }
    answer = page.post("/experiments/new/", {"data__name": DATA, **fields})
    assert answer.status_code == 422
    assert "is given and not trained here" in plain(answer.content.decode())


def test_an_experiment_whose_rows_have_no_label_is_refused_with_their_ids(owner: User, called: list[str], tmp_path: Path) -> None:
    model = given(owner, tmp_path)
    ask = api_of(owner)
    status, first = ask("POST", "/experiments?launch=true", spec(model))
    assert status == 201
    weak = next(run for run in first["runs"] if run["role"] == "weak")
    run = RunSpec.model_validate(ask("GET", f"/runs/{weak['run']}")[1]["spec"])
    ids, prob = noisy(DATA)
    some = write_csv(tmp_path / "some.csv", ["id", "probability"], list(zip(ids, prob, strict=True))[: len(ids) // 2])
    client = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    partial = client.post("/api/v1/supervisors", {**ABOUT, "files": [sent(some)]}).json()
    assert partial["missing"] == len(ids) - len(ids) // 2
    status, answer = ask("POST", "/experiments?launch=true", spec(partial["model"]))
    assert status == 422
    (problem,) = answer["errors"]
    assert problem["path"] == "weak.models"
    assert "missing in half B of seed 0: " in problem["message"]
    assert "missing in the test set: " in problem["message"]
    assert Experiment.objects.count() == 1
    assert run.digest != catalog.model(partial["model"]).digest


def test_a_viewer_reads_labels_and_sends_none(people: dict[str, User | None], tmp_path: Path) -> None:
    owner, viewer = people["owner"], people["viewer"]
    assert owner
    assert viewer
    model = given(owner, tmp_path)
    client = Client()
    client.force_login(viewer)
    assert client.get(f"/datasets/labels/{model.removeprefix('given:')}/").status_code == 200
    assert client.get(f"/datasets/labels/upload/?dataset={DATA}").status_code == 403
    assert "Add labels" not in text(client, f"/datasets/{DATA}/")


def test_pages_and_reports_of_an_experiment_without_half_a_say_where_its_rows_are(
    page: Client, owner: User, tmp_path: Path
) -> None:
    model = given(owner, tmp_path)
    data = {"name": DATA, "half_a_fraction": 0}
    experiment = launched(owner, **spec(model, data=data))
    finish_all(experiment)
    form = text(page, f"/experiments/new/?from={experiment.pk}")
    assert "About 6182 rows in half B, 687 more in it for validation, 2642 in the test set" in form
    assert "rows in half A" not in form
    (paragraph,) = [part.text for part in compose(experiment, Choices(), owner).method if part.title == "Data"]
    assert "the rest, about 6,869 rows, is half B, since no supervisor is trained." in paragraph
    assert "10% of half B are validation rows" in paragraph
    for path in (f"/experiments/{experiment.pk}/", f"/runs/{experiment.parts.get(role=Role.STUDENT).run.pk}/"):
        assert page.get(path).status_code == 200


def test_an_archive_of_an_experiment_without_half_a_is_verified_and_brought_elsewhere(
    owner: User, called: list[str], tmp_path: Path
) -> None:
    model = given(owner, tmp_path)
    experiment = trained(owner, **spec(model, data={"name": DATA, "half_a_fraction": 0}))
    numbers = shown(experiment)
    with packed(experiment, owner) as file, (tmp_path / "it.zip").open("wb") as copy:
        shutil.copyfileobj(file, copy)
    assert shown(bring(empty(), tmp_path / "it.zip")) == numbers
