"""Thumbnails of an experiment on images: in the list, on the page of an example, in a frozen copy, and alone."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from tests.factories import images
from tests.factories.bundles import add_bundle
from tests.factories.experiments import launched
from tests.factories.explored_experiments import address, explored, ids_of
from tests.factories.trained import train_all
from tests.webapp.page_text import plain
from tests.webapp.pages.explorer.page_parts import listed
from training import catalog
from training.command_output import Attribution, Patch
from webapp.archives.export import write
from webapp.artifact_store import artifact_store
from webapp.attributions import services
from webapp.example_queries.pictures import picture
from webapp.experiments.models import Experiment
from webapp.explorer.example_source import TEXTS
from webapp.explorer.finished_models import FinishedModels
from webapp.explorer.frozen_copy import freeze, thawed
from webapp.explorer.picture import picture_of
from webapp.reports.choices import Choices
from webapp.reports.composition import compose


@pytest.fixture
def experiment(owner: User, tmp_path: Path) -> Experiment:
    name = images.in_library(tmp_path)
    data = {"name": name}
    return explored(owner, data=data, weak={"models": ["pixels-4x4"]}, strong={"models": ["pixels-7x7"]}, seeds=1)


@pytest.fixture
def first() -> int:
    return ids_of("test", "shades")[0]


def test_a_thumbnail_is_a_picture_and_nothing_else_to_a_browser(client: Client, experiment: Experiment, first: int) -> None:
    answer = client.get(f"/experiments/{experiment.pk}/examples/{first}/picture/")
    assert answer.status_code == 200
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert Image.open(io.BytesIO(answer.content)).size == (12, 10)


def test_nobody_without_an_account_sees_a_thumbnail_and_an_unknown_example_has_none(
    client: Client, experiment: Experiment, first: int
) -> None:
    assert client.get(f"/experiments/{experiment.pk}/examples/1/picture/").status_code == 404
    assert Client().get(f"/experiments/{experiment.pk}/examples/{first}/picture/").status_code == 302


def test_examples_of_texts_have_no_thumbnail(client: Client, owner: User) -> None:
    experiment = explored(owner, seeds=1)
    assert client.get(f"/experiments/{experiment.pk}/examples/{ids_of('test')[0]}/picture/").status_code == 404
    assert "/picture/" not in client.get(f"/experiments/{experiment.pk}/examples/").content.decode()


def test_the_list_and_the_page_of_an_example_show_thumbnails_with_words_for_them(
    client: Client, experiment: Experiment, first: int
) -> None:
    listed = client.get(f"/experiments/{experiment.pk}/examples/").content.decode()
    assert listed.count('loading="lazy"') == 50
    page = client.get(f"/experiments/{experiment.pk}/examples/{first}/").content.decode()
    assert f'src="/experiments/{experiment.pk}/examples/{first}/picture/"' in page
    assert f'alt="Image of example {first}"' in page
    assert "/words/" in page, "attribution to parts of the image is loaded"


def test_no_page_of_images_speaks_of_words_or_texts(client: Client, experiment: Experiment, first: int) -> None:
    for rest in ("", "?map=shown", "?column=length&column=gold", f"{first}/", f"{first}/nearby/", f"{first}/words/"):
        page = plain(client.get(address(experiment, rest)).content.decode())
        assert not re.search(r"\b(words?|texts?)\b", page, re.I), rest
    assert "Search the names of images" in client.get(address(experiment)).content.decode()
    assert client.get(address(experiment, "?sort=length")).status_code == 422


def test_patches_are_tinted_by_the_change_of_the_probability_and_told_in_words(
    client: Client, experiment: Experiment, first: int
) -> None:
    there = address(experiment, f"{first}/words/")
    assert client.post(there).status_code == 302
    questions = services.claim_next()
    halves = [Patch(left=0, top=0, right=0.5, bottom=1, effect=2.0), Patch(left=0.5, top=0, right=1, bottom=1, effect=-0.5)]
    answers = [Attribution(run=question.key, id=first, log_odds=0.0, patches=tuple(halves)) for question in questions]
    services.answer(questions, answers, "")
    page = client.get(there).content.decode()
    assert page.count('class="occluded"') == 3
    # Half without cover; covered, 1 / (1 + e^2) = 0.12 and 1 / (1 + e^-0.5) = 0.62.
    assert "Student, P(gold label) .50; for it: row 1, column 1 −.38; against it: row 1, column 2 +.12" in page
    assert re.findall(r'<rect\s+class="(\w+)"', page) == ["for5", "against2"] * 3


def test_rows_of_features_have_no_attribution_and_say_so(client: Client, owner: User, tmp_path: Path) -> None:
    add_bundle(tmp_path, "birds")
    models = {"weak": {"models": ["features:X_weak"]}, "strong": {"models": ["features:X_strong"]}}
    experiment = launched(owner, data={"name": "birds"}, methods=[{"kind": "naive"}], **models)
    train_all(experiment)
    page = client.get(address(experiment)).content.decode()
    assert "Search the row ids" in page
    row = listed(page)[0]
    assert "There is no attribution" in client.get(address(experiment, f"{row}/")).content.decode()
    assert client.post(address(experiment, f"{row}/words/")).status_code == 404
    for rest in ("", f"{row}/", f"{row}/nearby/", "classes/"):
        page = plain(client.get(address(experiment, rest)).content.decode()).replace("have no words and no pixels", "")
        page = page.replace("image-", "")  # the ids of the rows
        assert not re.search(r"\b(words?|texts?|images?)\b", page, re.I), rest
    hold_classes(client, experiment)


def hold_classes(client: Client, experiment: Experiment) -> None:
    """Compare the page of classes, its file and the report with the predictions."""
    weak, student = (artifact_store().read_predictions(experiment.triplets[0][role]).part("test") for role in ("weak", "student"))
    said, gold = dict(zip(weak.id.tolist(), weak.label.tolist(), strict=True)), student.gold
    answers = list(zip(student.id.tolist(), gold.tolist(), student.label.tolist(), strict=True))
    pairs = Counter((truth, label) for _, truth, label in answers)
    both = Counter((truth, label) for row, truth, label in answers if said[row] == label)
    number, truth, label = min((-number, *pair) for pair, number in pairs.items() if pair[0] != pair[1])
    of_class = int((gold == truth).sum())
    page = plain(client.get(address(experiment, "classes/?by=student&first=largest")).content.decode())
    names = catalog.dataset("birds").classes
    line = f"{names[truth]} {names[label]} {-number} {100 * -number / of_class:.0f}% of {of_class}"
    assert f"{line} {both[truth, label]} of {-number}" in page
    assert "by student, the largest first" in page
    rows = list(csv.DictReader(io.StringIO(client.get(address(experiment, "classes.csv")).content.decode())))
    assert [int(row["student_right"]) for row in rows] == [pairs[k, k] for k in range(len(rows))]
    confused = compose(experiment, Choices(), experiment.owner).confused
    assert confused is not None
    assert (confused.lines[0].gold, confused.lines[0].number) == (names[truth], -number)


def test_a_frozen_copy_has_the_thumbnails_of_its_examples_and_no_whole_image(
    experiment: Experiment, tmp_path: Path, first: int
) -> None:
    write(experiment, tmp_path / "archive")
    freeze(FinishedModels(experiment), tmp_path / "examples", [first])
    finished = thawed(tmp_path / "archive", tmp_path / "examples")
    assert picture_of(finished, first).content == picture_of(FinishedModels(experiment), first).content
    with pytest.raises(LookupError):
        picture(tmp_path / "examples" / TEXTS, ids_of("test", "shades")[1])
