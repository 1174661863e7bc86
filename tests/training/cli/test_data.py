"""python -m training data: what each command prints, and how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.data import write_csv
from training import catalog
from training.catalog import library
from training.cli.exits import BAD_INPUT, DONE, FAILED, STOPPED
from training.cli.main import main
from training.command_output import NOTICE, Added, CheckResult, Preview, Refused
from training.events import Progress

pytestmark = pytest.mark.servers("the library has its files in the store")

CLASSES = [{"name": "bad", "values": ["neg"]}, {"name": "good", "values": ["pos"]}]
HOW = {"kind": "labelled", "text": "body", "label": "label", "classes": CLASSES, "skip": False, "group": "author"}


@pytest.fixture
def brought(tmp_path: Path, dataset_library: Path) -> list[str]:
    """A file of 3,000 rows and its mapping, as arguments."""
    write_csv(tmp_path / "made.csv", 3000)
    (tmp_path / "mapping.json").write_text(json.dumps(HOW))
    return [str(tmp_path / "made.csv"), "--mapping", str(tmp_path / "mapping.json")]


def notices_of(capfd: pytest.CaptureFixture[str]) -> list[Any]:
    return [NOTICE.validate_json(line) for line in capfd.readouterr().out.splitlines()]


def test_add_stores_a_file_and_prints_its_card_last(brought: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "add", *brought, "--name", "made", "--licence", "CC0"]) == DONE
    *progress, last = notices_of(capfd)
    assert {notice.phase for notice in progress} == {"reading", "rules", "checks", "baselines"}
    assert isinstance(last, Added)
    entry = catalog.dataset("made")
    assert (entry.digest, entry.rows, entry.licence) == (last.card.fingerprint, last.card.rows, "CC0")
    assert (entry.classes, entry.group) == (("bad", "good"), "the same author")
    counts = last.card.report.counts
    assert counts.read == counts.examples == 3000
    assert 30 < counts.copies < 100
    assert last.card.mapping == HOW
    assert list(library.folder().glob(".*")) == []


def test_the_same_file_again_is_the_same_data_set_and_another_one_may_not_take_its_name(
    tmp_path: Path, brought: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "add", *brought, "--name", "made"]) == DONE
    assert main(["data", "add", *brought, "--name", "made"]) == DONE
    write_csv(tmp_path / "made.csv", 2000, seed=1)
    notices_of(capfd)
    assert main(["data", "add", *brought, "--name", "made"]) == FAILED
    assert notices_of(capfd)[-1].error == "There is already a data set “made” with other content: choose another name."


def test_check_stores_nothing_and_leaves_the_data_set_in_the_given_folder(
    tmp_path: Path, brought: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", *brought, "--out", str(tmp_path / "out")]) == DONE
    last = notices_of(capfd)[-1]
    assert isinstance(last, CheckResult)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["examples.parquet"]
    assert library.names() == []


def test_look_prints_columns_and_rows(brought: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "look", brought[0]]) == DONE
    last = notices_of(capfd)[-1]
    assert isinstance(last, Preview)
    assert [column.name for column in last.columns] == ["id", "title", "body", "label", "author"]


def test_list_prints_embedded_stored_and_registered_data_sets(brought: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "add", *brought, "--name", "made"]) == DONE
    capfd.readouterr()
    assert main(["data", "list"]) == DONE
    states = {line["name"]: line["state"] for line in map(json.loads, capfd.readouterr().out.splitlines())}
    assert (states["movie-reviews"], states["made"], states["boolq"]) == ("embedded", "ready", "registered")
    assert len(states) == len(catalog.DATASETS) + 1 + len(catalog.REGISTERED)


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"label": "labels"}, FAILED, "There is no column “labels”. There are: id, title, body, label, author."),
        ({"classes": [*CLASSES, {"name": "other", "values": ["neg"]}]}, BAD_INPUT, "cannot mean both bad and other"),
        ({"kind": "what"}, BAD_INPUT, "There is no kind “what”"),
        (
            {"classes": [CLASSES[1], {"name": "bad", "values": ["worse"]}]},
            FAILED,
            "is none of the labels that are listed (pos, worse)",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_with_a_sentence(
    tmp_path: Path, brought: list[str], capfd: pytest.CaptureFixture[str], change: dict[str, Any], code: int, sentence: str
) -> None:
    (tmp_path / "mapping.json").write_text(json.dumps(HOW | change))
    assert main(["data", "check", *brought]) == code
    last = notices_of(capfd)[-1]
    assert isinstance(last, Refused)
    assert sentence in last.error


def test_too_few_rows_are_refused_with_their_number(
    tmp_path: Path, brought: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    write_csv(tmp_path / "made.csv", 60)
    assert main(["data", "check", *brought]) == FAILED
    assert "texts of 60 rows are left, and 100 are needed." in notices_of(capfd)[-1].error


@pytest.mark.parametrize("name", ["boolq", "movie-reviews", "No Name"])
def test_a_name_that_is_taken_or_none_is_refused(brought: list[str], capfd: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["data", "add", *brought, "--name", name]) == BAD_INPUT
    assert f"“{name}” " in notices_of(capfd)[-1].error


def test_a_registered_data_set_that_cannot_be_reached_is_refused_with_a_sentence(
    dataset_library: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "fetch", "boolq"]) == FAILED
    assert "“google/boolq” is not on this machine" in notices_of(capfd)[-1].error


def test_sigterm_stops_the_work_and_leaves_nothing_behind(tmp_path: Path, brought: list[str]) -> None:
    write_csv(tmp_path / "made.csv", 60_000)
    child = subprocess.Popen(
        [sys.executable, "-m", "training", "data", "add", *brought, "--name", "made"], stdout=subprocess.PIPE
    )
    assert child.stdout
    assert isinstance(NOTICE.validate_json(child.stdout.readline()), Progress)
    child.send_signal(signal.SIGTERM)
    rest = child.stdout.read()
    assert child.wait(30) == STOPPED
    assert b"shelved" not in rest
    assert list(library.folder().iterdir()) == []


def test_what_a_killed_process_left_is_taken_away_by_the_next(brought: list[str]) -> None:
    (library.folder() / ".work-999999999-x").mkdir()
    assert main(["data", "add", *brought, "--name", "made"]) == DONE
    assert list(library.folder().glob(".work-*")) == []


def test_listing_works_where_torch_cannot_be_imported() -> None:
    code = "import sys; sys.modules['torch'] = None; from training.cli.main import main; sys.exit(main(['data', 'list']))"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
