"""From one installation to another that is empty, with the same numbers or not at all."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from tests.webapp.archives.scene import bring, empty, shown, train
from tests.webapp.cast import launched
from training import Store
from training.events import RunFailed
from webapp.archives.export import Unfinished, packed
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run, Status

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


def test_an_empty_installation_shows_the_same_numbers(archive: Path, numbers: dict[str, object]) -> None:
    store = Store(settings.ARTIFACTS_DIR)
    before = {key: (store.run(key) / "predictions.parquet").read_bytes() for key in Run.objects.values_list("key", flat=True)}
    grace = empty()
    experiment = bring(grace, archive)
    assert shown(experiment) == numbers
    assert experiment.owner == grace
    assert experiment.origin is not None
    assert experiment.origin["owner"] == "Ada Lovelace"
    brought = {run.claimed_key: store.run(run.key) / "predictions.parquet" for run in Run.objects.all()}
    assert {key: path.read_bytes() for key, path in brought.items()} == before


def test_what_is_brought_twice_is_one_experiment(archive: Path) -> None:
    grace = empty()
    assert bring(grace, archive) == bring(grace, archive)
    assert Experiment.objects.count() == 1


def test_runs_that_are_here_already_stay_as_they_are(archive: Path, numbers: dict[str, object]) -> None:
    [here], runs = Experiment.objects.all(), set(Run.objects.values_list("pk", "attempt"))
    brought = bring(User.objects.create_user("grace"), archive)
    assert brought != here
    assert shown(brought) == numbers
    assert set(Run.objects.values_list("pk", "attempt")) == runs


def test_an_experiment_with_a_failed_run_travels_with_its_story(owner: User, tmp_path: Path) -> None:
    experiment = launched(owner)
    run = experiment.runs.filter(status=Status.QUEUED).order_by("pk")[0]
    claimed = services.claim(run.pk, "worker@test")
    assert claimed is not None
    services.append_events(run.pk, claimed.attempt, [RunFailed(error="out of luck", log="the last line")])
    while another := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        train(another)
    services.refresh_result(experiment)
    experiment.refresh_from_db()
    with packed(experiment, experiment.owner) as file:
        (tmp_path / "it.zip").write_bytes(file.read())
    before = shown(experiment)
    brought = bring(empty(), tmp_path / "it.zip")
    assert shown(brought) == before
    assert brought.runs.get(claimed_key=run.key).error == "out of luck"
    assert brought.runs.get(claimed_key=run.key).log == ""


def test_nothing_is_archived_while_it_is_at_work(owner: User) -> None:
    with pytest.raises(Unfinished):
        packed(launched(owner), owner)
