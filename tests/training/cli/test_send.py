"""Runs of the command line become an archive, or a sentence about a missing part."""

import json
from pathlib import Path

import pytest

from training import ExperimentSpec, Store, make_plan
from training.cli.exits import BAD_INPUT
from training.cli.main import main
from training.cli.send import NotSent, write
from training.events import EVENTS
from training.storage.archive import read, verify

SMALL = {
    "name": "From the command line",
    "data": {"limit": 64},
    "weak": {"models": ["bag-of-words"], "epochs": 1},
    "strong": {"models": ["bag-of-words"], "epochs": 1},
    "methods": [{"kind": "naive"}],
    "seeds": 1,
}
PLAN = make_plan(ExperimentSpec.model_validate(SMALL))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A folder that ``run`` has filled."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "recipe.json").write_text(json.dumps(SMALL))
    assert main(["run", str(folder / "recipe.json"), "--out", str(folder / "out")]) == 0
    return Store(folder / "out")


def test_the_archive_has_every_run_its_events_and_the_result_that_was_written(store: Store, tmp_path: Path) -> None:
    content = write(PLAN, store, tmp_path)
    assert verify(tmp_path) == content
    about = read(tmp_path)
    assert (about.number, about.name, about.owner) == (None, "From the command line", "")
    assert about.result is not None
    assert about.result.model_dump(mode="json") == json.loads((store.root / "result.json").read_text())
    assert {path.parent.name for path in tmp_path.glob("runs/*/predictions.parquet")} == set(PLAN.runs)
    assert "torch" in about.versions
    assert about.launched_at < about.ended_at


def test_a_run_that_is_missing_or_without_its_events_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotSent, match="has not finished"):
        write(PLAN, Store(tmp_path / "empty"), tmp_path / "archive")
    key = next(iter(PLAN.runs))
    events = store.run(key) / EVENTS
    content = events.read_bytes()
    events.unlink()
    try:
        with pytest.raises(NotSent, match=f"Of run {key[:12]} no events were kept"):
            write(PLAN, store, tmp_path / "archive")
    finally:
        events.write_bytes(content)


def test_a_laboratory_that_does_not_answer_is_a_sentence(
    store: Store, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("W2S_TOKEN", "a-token")
    recipe = str(store.root.parent / "recipe.json")
    assert main(["push", recipe, "--store", str(store.root), "--to", "http://127.0.0.1:9"]) == BAD_INPUT
    assert "http://127.0.0.1:9 does not answer" in capfd.readouterr().err
