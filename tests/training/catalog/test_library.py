"""The shelf: what is put there is found by name, and what is not says how to get it."""

import json
from pathlib import Path

import pytest

from tests.factories.datasets import REPORT, card, shelve
from training import ExperimentSpec, catalog, make_plan
from training.answers import AnswerRule
from training.catalog import library
from training.planning.estimates import estimate_seconds
from training.spec import STORED, upgrade, warnings

pytestmark = pytest.mark.servers("the library has its files in the store")


def test_what_was_put_is_found_by_name_with_its_file(dataset_library: Path) -> None:
    shelve(dataset_library, card())
    entry = catalog.dataset("mine")
    assert (entry.title, entry.rows, entry.classes, entry.digest) == ("Mine", 4, ("no", "yes"), "f" * 64)
    assert entry.path.read_text() == "data"
    assert entry.warnings == REPORT.warnings
    assert catalog.ready_datasets() == [*catalog.DATASETS, "mine"]
    assert sorted(path.name for path in dataset_library.iterdir()) == ["f" * 64 + ".parquet", "mine.json"]


def test_a_file_is_there_once_however_many_names_it_has(dataset_library: Path) -> None:
    shelve(dataset_library, card())
    shelve(dataset_library, card("also-mine"))
    assert len(list(dataset_library.glob("*.parquet"))) == 1
    assert catalog.dataset("also-mine").path == catalog.dataset("mine").path


def test_a_card_that_changes_is_read_again(dataset_library: Path) -> None:
    shelve(dataset_library, card())
    assert catalog.dataset("mine").rows == 4
    shelve(dataset_library, card(rows=5000))
    assert catalog.dataset("mine").rows == 5000


def test_a_registered_data_set_that_was_not_fetched_says_how_to_fetch_it(dataset_library: Path) -> None:
    with pytest.raises(ValueError, match=r"“boolq” has not been fetched yet: .* python -m training data fetch boolq"):
        catalog.dataset("boolq")


def test_a_misspelt_name_is_answered_with_the_nearest_of_all_that_there_are(dataset_library: Path) -> None:
    shelve(dataset_library, card("toxicity"))
    for typed, meant in (("toxicty", "toxicity"), ("movie-review", "movie-reviews"), ("bolq", "boolq")):
        with pytest.raises(ValueError, match=f"There is no data set called “{typed}”. Did you mean {meant}"):
            catalog.dataset(typed)


@pytest.mark.parametrize("name", ["../etc", "A", "a b", "", ".work", "x" * 65])
def test_what_is_no_name_is_refused(dataset_library: Path, name: str) -> None:
    assert library.get(name) is None
    with pytest.raises(ValueError, match="cannot be a name"):
        shelve(dataset_library, card(name))


def test_a_damaged_card_is_an_error_with_its_path_and_unknown_to_pages(dataset_library: Path) -> None:
    (dataset_library / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=r"damaged: .*broken.json"):
        catalog.dataset("broken")
    assert catalog.known_dataset("broken") is None


def test_the_task_of_a_data_set_follows_from_its_card(dataset_library: Path) -> None:
    pairs = REPORT.model_copy(update={"texts": 2})
    for dataset_card in (card("one"), card("two", report=pairs), card("three", classes=(), answers=AnswerRule())):
        shelve(dataset_library, dataset_card)
    tasks = [catalog.dataset(name).task for name in ("one", "two", "three")]
    assert tasks == ["classification", "preferences", "generative"]


def test_a_card_from_before_there_were_written_answers_is_read(dataset_library: Path) -> None:
    shelve(dataset_library, card())
    path = dataset_library / "mine.json"
    stored = json.loads(path.read_text())
    del stored["answers"]
    path.write_text(json.dumps(stored))
    assert catalog.dataset("mine").answers is None


def test_an_experiment_can_be_planned_with_the_library_and_read_when_its_data_set_has_gone(dataset_library: Path) -> None:
    shelve(dataset_library, card())
    spec = ExperimentSpec.model_validate({"data": {"name": "mine", "limit": 100}})
    run = next(iter(make_plan(spec).runs.values()))
    assert (run.dataset, run.fingerprint) == ("mine", "f" * 64)

    (dataset_library / "mine.json").unlink()
    with pytest.raises(ValueError, match="There is no data set called “mine”"):
        ExperimentSpec.model_validate(spec.model_dump())
    stored = upgrade(spec.model_dump(mode="json"))
    assert stored == ExperimentSpec.model_validate(spec.model_dump(), context=STORED)
    assert warnings(stored) == []
    assert estimate_seconds(run) > 0


def test_what_the_checks_found_is_said_before_a_launch(dataset_library: Path) -> None:
    shelve(dataset_library, card())
    spec = ExperimentSpec.model_validate({"data": {"name": "mine"}})
    assert [problem.message for problem in warnings(spec) if problem.path == "data.name"] == list(REPORT.warnings)
