"""A worker with a data folder of its own: it shares the database, the broker and a store with the web server, and no folder."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.factories.object_storage import ObjectStorage
from tests.lab import ROOT, Lab, quick, slow
from webapp.broker import embedded_url


@contextmanager
def worker(lab: Lab, folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    own = {
        "DATA_DIR": str(folder / name),
        "DATABASE_URL": f"sqlite:///{lab.data_dir}/lab.sqlite3",
        "REDIS_URL": embedded_url(lab.data_dir),
        "SECRET_KEY": (lab.data_dir / "secret-key").read_text(),
    }
    command = [sys.executable, "manage.py", "worker", "--name", name]
    with (folder / f"{name}.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=lab.environment | own, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def ready(lab: Lab) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{lab.url}/readyz", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.long
def test_workers_that_share_a_store_alone_take_over_from_each_other(storage_server: ObjectStorage, tmp_path: Path) -> None:
    url = f"{storage_server.bucket()}/laboratory"
    settings = storage_server.variables | {"ARTIFACTS_URL": url, "W2S_CHECKPOINT_SECONDS": "1"}
    with Lab(tmp_path / "lab", "--workers", "0", **settings) as lab:
        assert ready(lab)[0] == 200
        with worker(lab, tmp_path, "first") as first:
            experiment = lab.finished(lab.launch(quick()))
            assert experiment["state"] == "finished"
            pk = lab.launch(slow())
            run = lab.run(pk, "weak")["run"]
            lab.until(lambda: any(event["kind"] == "checkpoint" for event in lab.events(run)))
            os.kill(first.pid, signal.SIGTERM)
            first.wait(60)

        assert "accuracy" in lab.read(f"/experiments/{experiment['id']}/").lower()
        examples = lab.until(lambda: "examples" in (text := lab.read(f"/experiments/{experiment['id']}/examples/")) and text)
        assert "is gone" not in examples
        assert not (tmp_path / "first" / "lab.sqlite3").exists()

        with worker(lab, tmp_path, "second"):
            lab.until(lambda: [event["kind"] for event in lab.events(run)].count("started") == 2)
            again = [event for event in lab.events(run) if event["kind"] == "started"][1]
            assert again["resumed_from"] > 0, "it goes on from the checkpoint of the worker that has left"
            lab.call("POST", f"/experiments/{pk}/stop")
            lab.finished(pk)

        storage_server.stop()
        try:
            _, said = lab.until(lambda: (answer := ready(lab))[0] == 503 and answer)
            assert "The store of artifacts cannot be reached" in said
        finally:
            storage_server.start()
        lab.until(lambda: ready(lab)[0] == 200)
