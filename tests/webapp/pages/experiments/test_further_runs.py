"""Experiments whose methods need more runs than a supervisor, a student and a ceiling, in all parts of the web."""

import re
import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.factories import claims
from tests.factories.archives import bring, empty, shown, train_all
from tests.factories.experiments import launched
from tests.factories.explored_experiments import finish, ids_of
from webapp.archives.export import packed
from webapp.experiments import results
from webapp.experiments.models import Experiment, Role, Run, Status
from webapp.pages.experiments.experiment import Living

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous

METHODS = [{"kind": "naive"}, {"kind": "bagging", "members": 2}, {"kind": "sequential"}]


def plain(response: object) -> str:
    html = response.content.decode()  # type: ignore[attr-defined]
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.S)).split())


@pytest.fixture
def launched_experiment(owner: User) -> Experiment:
    return launched(owner, weak={"errors": "own"}, methods=METHODS)


def finish_all(experiment: Experiment) -> Experiment:
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(run)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    return experiment


def test_further_runs_are_runs_of_the_experiment_and_wait_for_each_other(launched_experiment: Experiment) -> None:
    further = [part.run for part in launched_experiment.parts.filter(role=Role.FURTHER)]
    members = [run for run in further if not run.spec["members"]]
    (together,) = (run for run in further if run.spec["members"])
    assert len(members) == 2
    assert set(together.needs.all()) == set(members)
    assert together.status == Status.WAITING
    assert launched_experiment.runs.count() == 3 + 2 + 1 + 2  # supervisor, ceiling, naive; members; their mean; two students
    finish(members[0])
    finish(members[1])
    together.refresh_from_db()
    assert together.status == Status.QUEUED


def test_every_page_knows_a_further_run(launched_experiment: Experiment, client: Client, owner: User) -> None:
    client.force_login(owner)
    (together,) = Run.objects.filter(parts__role=Role.FURTHER).exclude(spec__members=[])
    content = plain(client.get(reverse("run", args=[together.pk])))
    assert "Further run: Bag of words, seed 0" in content
    assert "Labels the mean of its members’ labels" in content
    assert f"Members {', '.join(key[:12] for key in together.spec['members'])}" in content
    claimed = claims.claim(Run.objects.get(key=together.spec["members"][0]).pk, "worker@test")
    assert claimed is not None
    assert Living(launched_experiment).now.startswith("further run, seed 0")
    student = next(triplet for triplet in launched_experiment.triplets if triplet["method"] == 1)["student"]
    part = launched_experiment.parts.get(run__key=student)
    assert Living(launched_experiment)._named(part) == "student, bagging, seed 0"


def test_the_result_compares_students_and_an_archive_brings_it_all_along(launched_experiment: Experiment, tmp_path: Path) -> None:
    train_all(launched_experiment)
    assert launched_experiment.result is not None
    assert [group["method"] for group in launched_experiment.result["groups"]] == ["naive", "bagging", "sequential"]
    with packed(launched_experiment, launched_experiment.owner) as file, (tmp_path / "it.zip").open("wb") as copy:
        shutil.copyfileobj(file, copy)
    before = shown(launched_experiment)
    after = shown(bring(empty(), tmp_path / "it.zip"))
    assert {*before.pop("parts")} == {*after.pop("parts")}  # type: ignore[misc]
    assert after == before


def test_the_page_of_an_example_says_how_a_further_run_came_between(
    launched_experiment: Experiment, client: Client, owner: User
) -> None:
    finish_all(launched_experiment)
    client.force_login(owner)
    sequential = next(triplet["student"] for triplet in launched_experiment.triplets if triplet["method"] == 2)
    start = Run.objects.get(key=sequential).spec["start"]
    address = reverse("example", args=[launched_experiment.pk, ids_of("transfer")[0]])
    content = plain(client.get(address, {"student": sequential[:12], "split": "transfer"}))
    assert f"after weak labels in the run with key {start[:12]}" in content
    assert "may have left it out, or taught it another label" in content
    naive = plain(client.get(address, {"student": launched_experiment.triplets[0]["student"][:12], "split": "transfer"}))
    assert "may have left it out" not in naive
