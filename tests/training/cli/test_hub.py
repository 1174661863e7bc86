"""Commands in a process of their own that talk to a Hub on loopback, from the settings in their environment alone."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.factories.datasets import card
from tests.factories.hub_repositories import files_in
from tests.factories.hub_server import SIGNATURE, HubServer
from tests.factories.runs import finish
from training import ExperimentSpec, Plan, Store, catalog, make_plan
from training.catalog import library
from training.cli.exits import STOPPED
from training.engine.hub_download import Repository
from training.engine.models import model_files

TOKEN = "hf_made_for_this_test"
WEIGHTS = "model.safetensors"
RECIPE: dict[str, Any] = {
    "data": {"name": "mine"},
    "weak": {"models": ["bag-of-words"], "epochs": 1},
    "strong": {"models": ["hub:a/b"], "tuning": "full", "epochs": 1, "max_tokens": 16},
    "methods": [{"kind": "naive"}],
    "seeds": 1,
}


def plan_of(**changes: Any) -> Plan:
    return make_plan(ExperimentSpec.model_validate(RECIPE | changes))


@pytest.fixture
def environment(hub: HubServer, tmp_path: Path, dataset_library: Path) -> dict[str, str]:
    """The environment of a worker with the cache and the data set of this test."""
    few = catalog.dataset("clear-reviews")
    library.put(card(fingerprint=few.digest, rows=few.rows), Path(shutil.copy(few.path, tmp_path / "few.parquet")))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return inherited | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path),
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "OMP_NUM_THREADS": "1",
    }


def test_a_recipe_with_a_gated_model_is_trained_from_the_hub_and_another_one_from_the_cache_when_the_hub_is_away(
    hub: HubServer, environment: dict[str, str], models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = hub.model("a/b")
    commit = repository.commit(files_in(models["llama"]))
    repository.gated, repository.readers, hub.tokens = "manual", {TOKEN}, {TOKEN}
    recipe, out = tmp_path / "recipe.json", tmp_path / "out"
    recipe.write_text(json.dumps(RECIPE))
    command = [sys.executable, "-m", "training", "run", str(recipe), "--out", str(out)]
    done = subprocess.run(command, env=environment | {"HF_TOKEN": TOKEN}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    size = (models["llama"] / WEIGHTS).stat().st_size
    downloads = [event for event in events if event.get("phase") == "downloading model"]
    assert [(event["done"], event["total"]) for event in downloads[:: len(downloads) - 1]] == [(0, size), (size, size)]
    assert {request.token for request in hub.received("storage")} == {None}
    written = [path for path in [*out.rglob("*"), *(tmp_path / "hub").rglob("*")] if path.is_file()]
    assert TOKEN not in done.stdout + done.stderr
    assert SIGNATURE not in done.stdout + done.stderr
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]

    hub.close()
    monkeypatch.setattr(catalog.hub, "_answers", {})
    plan = plan_of(data={"name": "mine", "split_seed": 7})
    ceiling = plan.runs[plan.triplets[0].ceiling]
    assert ceiling.digest == commit
    assert finish(ceiling, Store(tmp_path / "other")).of("finished")


def test_a_signal_ends_a_download_and_the_next_attempt_continues_it(
    hub: HubServer, environment: dict[str, str], models: dict[str, Path], tmp_path: Path
) -> None:
    commit = hub.model("a/b").commit(files_in(models["llama"]))
    plan = plan_of()
    stuck = hub.fault(server="storage", after=100_000, cuts=False)
    command = [sys.executable, "-m", "training", "execute", "--store", str(tmp_path / "out")]
    child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    child.stdin.write(plan.runs[plan.triplets[0].ceiling].model_dump_json())
    child.stdin.close()
    child.stdin = None
    assert stuck.waiting.wait(120)
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=60)  # within the silence after which a connection is made anew
    assert child.returncode == STOPPED
    assert json.loads(said.splitlines()[-1])["event"]["kind"] == "stopped"
    (part,) = Repository("model", "a/b", commit).cache.glob("blobs/*.incomplete")
    assert part.stat().st_size == 100_000
    stuck.goes_on.set()
    folder = model_files.folder_of(plan.runs[plan.triplets[0].ceiling])
    assert (folder / WEIGHTS).read_bytes() == (models["llama"] / WEIGHTS).read_bytes()
    assert hub.received("storage")[-1].headers["Range"] == "bytes=100000-"
