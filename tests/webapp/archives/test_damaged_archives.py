"""Archives that were changed, or do not say the truth, are refused with the reason and leave nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.contrib.auth.models import User

from tests.webapp.archives.scene import bring, changed, empty
from training import Store
from training.storage.archive import Broken
from webapp.experiments.models import Event, Experiment, Run

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


def nothing_came(archive: Path, user: User, *words: str) -> None:
    before = Experiment.objects.count(), Run.objects.count(), Event.objects.count()
    with pytest.raises(Broken) as broken:
        bring(user, archive)
    for word in words:
        assert any(word in problem for problem in broken.value.problems), broken.value.problems
    assert (Experiment.objects.count(), Run.objects.count(), Event.objects.count()) == before


def edit(folder: Path, name: str, change: Callable[[dict[str, object]], None]) -> None:
    [path] = list(folder.rglob(name))[:1]
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_tampered_file_is_named(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        edit(folder, "archive.json", lambda about: about.update(name="Better"))

    nothing_came(changed(archive, tamper), grace, "archive.json is not what it was")
    assert not settings.ARTIFACTS_DIR.exists()


def test_a_better_result_with_fitting_checksums_is_found_out_by_the_predictions(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        def better(about: dict[str, object]) -> None:
            about["result"]["groups"][0]["student"]["value"] = 0.99  # type: ignore[index]

        edit(folder, "archive.json", better)

    nothing_came(changed(archive, tamper, sealed=True), grace, "result.groups.0.student.value says 0.99")


def test_a_run_that_is_not_what_its_key_says_is_refused(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        edit(folder, "run.json", lambda run: run.update(seed=7))

    nothing_came(changed(archive, tamper, sealed=True), grace, "is another one than its run.json says")


def test_a_method_that_the_students_were_not_trained_with_is_found_out(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        def swapped(about: dict[str, object]) -> None:
            about["spec"]["methods"].reverse()  # type: ignore[index]

        edit(folder, "archive.json", swapped)

    nothing_came(
        changed(archive, tamper, sealed=True), grace, "The runs of triplet 1 are not those that the experiment asks for."
    )


def test_predictions_that_are_none_are_refused(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        pq.write_table(pa.table({"other": [1]}), sorted(folder.glob("runs/*/predictions.parquet"))[0])

    nothing_came(changed(archive, tamper, sealed=True), grace, "it has other columns than predictions have")


def test_a_missing_run_and_missing_events_are_refused(archive: Path) -> None:
    grace = empty()

    def without_a_run(folder: Path) -> None:
        shutil.rmtree(sorted(folder.glob("runs/*"))[0])

    def without_an_event(folder: Path) -> None:
        path = sorted(folder.glob("runs/*/events.jsonl"))[-1]
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))

    nothing_came(changed(archive, without_a_run, sealed=True), grace, "is missing")
    shutil.rmtree(archive.parent / "changed")
    nothing_came(changed(archive, without_an_event, sealed=True), grace, "number 1 is missing")


def test_another_outcome_of_the_same_run_is_refused_and_the_own_one_stays(archive: Path) -> None:
    key = Run.objects.order_by("key")[0].key
    own = Store(settings.ARTIFACTS_DIR).run(key) / "predictions.parquet"
    own.write_bytes(b"another outcome")
    nothing_came(archive, User.objects.create_user("grace"), f"Run {key[:12]} has been trained here too, with other predictions.")
    assert own.read_bytes() == b"another outcome"
