"""Numbers of an archive are computed again: each forged one is named, and bombs are refused with a sentence."""

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training import ExperimentSpec, RunSpec, Store, make_plan
from training.cli.main import main
from training.cli.send import write
from training.command_output import NotVerified, Verified
from training.engine.verification import bounded, command
from training.engine.verification.truth import mismatches, truth_of
from training.events import EVENTS
from training.storage.archive import ABOUT, Broken, pack, read, seal
from training.storage.predictions import Trajectory

SMALL = {
    "name": "From the command line",
    "data": {"limit": 64},
    "weak": {"models": ["bag-of-words"], "epochs": 1},
    "strong": {"models": ["bag-of-words"], "epochs": 1},
    "methods": [{"kind": "naive"}, {"kind": "bagging", "members": 2}],
    "seeds": 1,
}
PLAN = make_plan(ExperimentSpec.model_validate(SMALL))
TRIPLET = PLAN.triplets[0]
MEAN = next(key for key, run in PLAN.runs.items() if run.members)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the archive of runs that were really trained."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "recipe.json").write_text(json.dumps(SMALL))
    assert main(["run", str(folder / "recipe.json"), "--out", str(folder / "out")]) == 0
    write(PLAN, Store(folder / "out"), folder / "archive")
    return folder / "archive"


@pytest.fixture
def archive(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "archive"))


def quiet(phase: str, done: int, total: int) -> None:
    pass


def problems(folder: Path) -> list[str]:
    """Return the problems of the folder, sealed again."""
    seal(folder)
    with pytest.raises(Broken) as broken:
        command.verified(folder, None, quiet)
    return broken.value.problems


def edit_event(folder: Path, key: str, kind: str, **changes: Any) -> None:
    """Changes the last event of its kind."""
    path = folder / "runs" / key / EVENTS
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    [last] = [line for line in lines if line["event"]["kind"] == kind][-1:]
    last["event"] |= changes
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def forge(folder: Path, key: str, change: Callable[[Any], Any]) -> None:
    """Writes other predictions of a run."""
    store = Store(folder)
    store.write_predictions(key, change(store.read_predictions(key)))


def without_result(folder: Path) -> None:
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps(about | {"result": None}))


def test_an_archive_of_what_was_trained_is_verified(archive: Path) -> None:
    reported = command.verified(archive, archive, quiet)
    assert isinstance(reported, Verified)
    assert set(reported.equal) == set(PLAN.runs)
    assert not reported.different


def test_a_result_that_was_left_out_is_computed(archive: Path) -> None:
    whole = read(archive).result
    without_result(archive)
    seal(archive)
    command.verified(archive, None, quiet)
    assert read(archive).result == whole


FORGED = (
    ("finished", {"accuracy": 0.97}, "Its accuracy at its end is said to be 0.97"),
    ("finished", {"last_accuracy": 0.97}, "Its accuracy at the last step at its end is said to be 0.97"),
    ("finished", {"hindsight_accuracy": 0.97}, "Its accuracy by hindsight at its end is said to be 0.97"),
    ("finished", {"selected_step": 0}, "Its selected step at its end is said to be 0"),
    ("finished", {"watched": 3}, "Its number of watched examples at its end is said to be 3"),
    ("evaluation", {"accuracy": 0.97}, "Its accuracy at step"),
    ("evaluation", {"agreement": 0.97}, "Its agreement at step"),
    ("evaluation", {"agreement_wrong": 0.1234}, "Its agreement where it is wrong at step"),
    ("evaluation", {"validation_accuracy": 0.1234}, "Its validation accuracy at step"),
    ("evaluation", {"step": 77}, "It tells of an evaluation at step 77"),
    ("started", {"device": "x" * 101}, "has a value that cannot be stored"),
    ("metric", {"step": 2**63}, "cannot be read: event.metric.step: Input should be less than"),
)


@pytest.mark.parametrize(("kind", "changes", "words"), FORGED)
@pytest.mark.parametrize("result", [True, False])
def test_a_forged_number_of_an_event_is_named(
    archive: Path, kind: str, changes: dict[str, Any], words: str, result: bool
) -> None:
    if not result:
        without_result(archive)
    edit_event(archive, TRIPLET.student, kind, **changes)
    assert any(words in problem for problem in problems(archive))


def test_a_forged_ceiling_is_found_out_by_the_data_set_that_is_here(archive: Path) -> None:
    """Predictions, events and result may all fit each other: true labels, and who is tested, are those of the data."""
    without_result(archive)
    forge(archive, TRIPLET.ceiling, lambda said: replace(said, gold=said.label))
    assert any("its true label is another one than in the data set" in problem for problem in problems(archive))


def test_examples_that_the_split_does_not_give_are_found_out(archive: Path) -> None:
    without_result(archive)
    swap = {"test": "locked", "locked": "test"}
    forge(
        archive,
        TRIPLET.ceiling,
        lambda said: replace(said, split=np.array([swap.get(str(name), str(name)) for name in said.split])),
    )
    reported = problems(archive)
    assert reported
    right = np.arange(10)
    run, truth = PLAN.runs[TRIPLET.ceiling], truth_of(PLAN.runs[TRIPLET.ceiling].fingerprint)
    assert truth is not None
    said = Store(archive).read_predictions(TRIPLET.ceiling)
    assert any("part “test”" in problem for problem in list(mismatches(run, said, truth)))
    assert any("part “test”" in problem for problem in list(mismatches(run, said.take(right), truth)))


def test_examples_that_the_data_set_does_not_have_are_found_out(archive: Path) -> None:
    said = Store(archive).read_predictions(TRIPLET.ceiling)
    run, truth = PLAN.runs[TRIPLET.ceiling], truth_of(PLAN.runs[TRIPLET.ceiling].fingerprint)
    assert truth is not None
    [problem] = mismatches(run, replace(said, id=said.id + 10**12), truth)
    assert "examples that its data set does not have" in problem


def test_a_mean_that_is_not_that_of_its_members_is_found_out(archive: Path) -> None:
    without_result(archive)
    forge(archive, MEAN, lambda said: replace(said, prob=np.where(said.split == "transfer", 1 - said.prob, said.prob)))
    assert any("It does not say the mean of what its members say" in problem for problem in problems(archive))


def test_predictions_of_another_step_than_the_selected_one_are_found_out(archive: Path) -> None:
    without_result(archive)
    forge(archive, TRIPLET.ceiling, lambda said: replace(said, prob=1 - said.prob))
    assert any("Its predictions are not those of step" in problem for problem in problems(archive))


def test_a_step_that_the_stop_rule_does_not_select_is_found_out(archive: Path) -> None:
    store, key = Store(archive), TRIPLET.ceiling
    path = store.read_trajectory(key)
    other = next(int(step) for step in path.steps if step != path.selected)
    store.write_trajectory(key, Trajectory(path.steps, path.id, path.prob, path.validation, other))
    forge(archive, key, lambda said: replace(said, prob=said.prob))
    assert any("Its stop rule selects step" in problem for problem in problems(archive))


def test_a_finished_run_without_its_trajectory_is_refused(archive: Path) -> None:
    (archive / "runs" / TRIPLET.ceiling / "trajectory.parquet").unlink()
    assert any("trajectory.parquet is missing" in problem for problem in problems(archive))


@pytest.mark.parametrize("field", ["dataset", "fingerprint", "labels", "model", "digest"])
def test_a_hostile_name_in_a_run_is_refused_with_a_sentence(archive: Path, field: str) -> None:
    path = archive / "runs" / TRIPLET.ceiling / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: "../../x/y"}))
    [problem] = problems(archive)
    assert problem.startswith(f"Run {TRIPLET.ceiling[:12]} cannot be read by this version: {field}")
    assert "../../x/y" not in problem


def problems_of(folder: Path, tmp_path: Path, largest: int | None = None, reserve: int = 0) -> list[str]:
    """The problems that the command tells of the zip file of this folder, of which nothing is left."""
    seal(folder)
    pack(folder, tmp_path / "it.zip")
    return problems_of_file(tmp_path / "it.zip", tmp_path / "out", largest, reserve)


def problems_of_file(source: Path, out: Path, largest: int | None = None, reserve: int = 0) -> list[str]:
    notices: list[Any] = []
    assert command.run(source, out, None, largest, reserve, notices.append, lambda: False) == command.FAILED
    assert not out.exists()
    assert isinstance(notices[-1], NotVerified)
    return list(notices[-1].problems)


def test_a_parquet_file_that_grows_in_memory_is_refused_before_it_is_read(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_BYTES", 2**20)
    rows = 10**6
    columns = {"id": np.zeros(rows, np.int64), "group": np.zeros(rows, np.int64), "gold": np.zeros(rows, np.int8)}
    table = pa.table({**columns, "split": pa.array(["test"]).take(pa.array(np.zeros(rows, np.int64)))})
    table = table.append_column("prob", pa.array(np.zeros(rows, np.float32)))
    path = archive / "runs" / TRIPLET.ceiling / "predictions.parquet"
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 2**18
    assert any("of memory to be read, and may need at most 1 MB" in problem for problem in problems_of(archive, tmp_path))


def test_a_json_file_of_blanks_is_refused_before_it_is_unpacked(archive: Path, tmp_path: Path) -> None:
    with (archive / "runs" / TRIPLET.ceiling / "run.json").open("ab") as file:
        file.write(b" " * 2**21)
    [problem] = problems_of(archive, tmp_path)
    assert "run.json unpacks to 2 MB, and may have at most 1 MB" in problem


def test_an_event_of_blanks_is_refused(archive: Path, tmp_path: Path) -> None:
    with (archive / "runs" / TRIPLET.ceiling / EVENTS).open("ab") as file:
        file.write(b" " * 2**21 + b"\n")
    assert any("a line has more than" in problem for problem in problems_of(archive, tmp_path))


def test_an_archive_that_unpacks_to_more_than_is_allowed_is_refused(archive: Path, tmp_path: Path) -> None:
    [problem] = problems_of(archive, tmp_path, largest=10_000)
    assert "unpacks to more than 9.77 KB" in problem


def test_an_archive_for_which_the_disk_has_no_room_is_refused(archive: Path, tmp_path: Path) -> None:
    [problem] = problems_of(archive, tmp_path, reserve=2**60)
    assert problem.startswith("There is no room for the archive")


def test_a_file_that_is_larger_than_the_zip_file_says_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "it.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(ABOUT, b"0" * 2**22)
    whole = (tmp_path / "it.zip").read_bytes()
    lie, truth = (1000).to_bytes(4, "little"), (2**22).to_bytes(4, "little")
    (tmp_path / "it.zip").write_bytes(whole.replace(truth, lie))
    assert problems_of_file(tmp_path / "it.zip", tmp_path / "out")


def test_memory_that_runs_out_is_a_sentence(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(command, "verified", out_of_memory)
    assert problems_of(archive, tmp_path) == ["The archive needs more memory to be read than it may use."]


def test_a_disk_that_becomes_full_is_a_sentence(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "verified", full)
    assert problems_of(archive, tmp_path) == ["The disk became full while the archive was unpacked."]


def test_a_run_whose_needs_have_other_keys_is_another_run_and_back_again_the_same() -> None:
    student: RunSpec = PLAN.runs[TRIPLET.student]
    there, back = {TRIPLET.weak: "b" * 64}, {"b" * 64: TRIPLET.weak}
    assert student.with_keys(there).labels == "b" * 64
    assert student.with_keys(there).key() != student.key()
    assert student.with_keys(there).with_keys(back) == student
