"""The database, the archive and the share of an earlier commit open with the numbers that they had then."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.factories.archives import bring
from tests.lab import ROOT
from training.redaction import renamed
from webapp.experiments.imported_runs import exported_keys

FOLDER = Path(__file__).parent / "stored_state"
RECORDED = json.loads((FOLDER / "answers.json").read_text())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the earlier data folder, ``data``, and the exported archive, ``experiment.zip``."""
    folder = tmp_path_factory.mktemp("state")
    shutil.unpack_archive(FOLDER / "state.tar.xz", folder)
    return folder


@pytest.fixture(scope="module")
def opened(state: Path) -> dict[str, Any]:
    """The answers of today's code about the earlier data folder."""
    data = state / "opened"
    shutil.copytree(state / "data", data)
    environment = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "DATASETS_DIR")}
    slug = next(share["slug"] for share in RECORDED["shares"] if not share["live"])
    command = [sys.executable, "-m", "tests.webapp.stored_state.ask", RECORDED["link"], slug]
    process = subprocess.run(
        command, cwd=ROOT, env=environment | {"DATA_DIR": str(data)}, capture_output=True, text=True, check=False, timeout=180
    )
    assert process.returncode == 0, process.stderr
    answers: dict[str, Any] = json.loads(process.stdout)
    return answers


def differences(recorded: Any, today: Any, path: str = "") -> list[str]:
    """Return what differs; fields that only today's answer has do not count, nor does the last digit of a number."""
    if isinstance(recorded, dict) and isinstance(today, dict):
        missing = [f"{path}.{name} is missing" for name in recorded.keys() - today.keys()]
        return missing + [
            line for name in recorded.keys() & today.keys() for line in differences(recorded[name], today[name], f"{path}.{name}")
        ]
    if isinstance(recorded, list) and isinstance(today, list) and len(recorded) == len(today):
        pairs = zip(recorded, today, strict=True)
        return [line for place, (old, new) in enumerate(pairs) for line in differences(old, new, f"{path}[{place}]")]
    if (
        isinstance(recorded, float)
        and isinstance(today, float | int)
        and math.isclose(recorded, today, rel_tol=1e-9, abs_tol=1e-12)
    ):
        return []
    return [] if recorded == today else [f"{path} was {recorded} and is {today}"]


@pytest.mark.parametrize("name", ["experiment", "events", "counts"])
def test_the_database_opens_with_equal_answers_of_the_api(opened: dict[str, Any], name: str) -> None:
    assert differences(RECORDED[name], opened[name]) == []
    assert "Before" in opened["experiment_page"]


def test_the_result_computed_again_from_the_stored_predictions_is_equal(opened: dict[str, Any]) -> None:
    assert differences(RECORDED["experiment"]["result"], opened["computed_again"]) == []


def test_the_share_opens_through_its_link_with_equal_numbers(opened: dict[str, Any]) -> None:
    links = [share.pop("links")[0]["name"] for share in opened["shares"] if share["links"]]
    assert links == ["A reader"]
    recorded = [{name: value for name, value in share.items() if name != "links"} for share in RECORDED["shares"]]
    assert differences(recorded, opened["shares"]) == []
    assert len(RECORDED["page"]) > 50
    assert opened["page"] == RECORDED["page"]
    assert opened["permalink"] == RECORDED["page"]
    assert "word1" in opened["examples"], "the frozen texts"


@pytest.mark.django_db
def test_the_archive_is_verified_and_imported_with_equal_numbers(owner: User, state: Path, dataset_library: Path) -> None:
    shutil.copytree(state / "data" / "datasets", dataset_library)
    experiment = bring(owner, state / "experiment.zip")
    names = exported_keys(experiment.runs.all())
    assert differences(RECORDED["experiment"]["result"], renamed(experiment.result or {}, names)) == []
    accuracies = {(part.role, names[part.run.key]): part.run.accuracy for part in experiment.parts.select_related("run")}
    assert accuracies == {(run["role"], run["key"]): run["accuracy"] for run in RECORDED["experiment"]["runs"]}
