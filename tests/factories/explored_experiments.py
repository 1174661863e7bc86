"""An experiment that has finished on embedded texts, its predictions made up: what the explorer needs to be looked at."""

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import SKILL, ending, launched, training_events
from training import Store, catalog
from training.catalog import library
from training.storage.checksums import digest
from training.storage.predictions import Predictions, Trajectory
from webapp.artifact_store import artifact_store
from webapp.experiments import results
from webapp.experiments.models import Experiment, Run, Status

SPLITS = {"test": 300, "transfer": 200, "locked": 100}
STEPS = np.array([0, 10, 20])


@cache
def rows(dataset: str) -> dict[str, np.ndarray]:
    """The first examples of the data set, each with its part of the split."""
    table = pq.ParquetFile(catalog.dataset(dataset).path).read().slice(0, sum(SPLITS.values()))
    columns = {name: table[name].to_numpy() for name in ("id", "label", "text")}
    return columns | {"split": np.repeat(list(SPLITS), list(SPLITS.values()))}


def finish(run: Run) -> None:
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed is not None
    share = SKILL[run.parts.first().role]  # type: ignore[union-attr]
    made = rows(run.spec["dataset"])
    rng = np.random.default_rng(int(run.key[:8], 16))
    n, gold = len(made["id"]), made["label"].astype(np.int8)
    label = np.where(rng.random(n) < share, gold, 1 - gold)
    prob = np.where(label == 1, rng.uniform(0.55, 0.95, n), rng.uniform(0.05, 0.45, n)).astype(np.float32)
    store = artifact_store()
    done = Predictions(made["id"].astype(np.int64), made["split"], made["id"].astype(np.int64), gold, prob)
    store.write_predictions(run.key, done)
    test = done.part("test")
    path = np.stack([np.full_like(test.prob, 0.5), 1 - test.prob, test.prob])
    store.write_trajectory(run.key, Trajectory(STEPS, test.id, path, np.full(3, 0.5), 20))
    claims.append_events(run.pk, claimed.attempt, training_events(accuracy=share))
    claims.append_events(run.pk, claimed.attempt, [ending(share)])


def explored(owner: User, **changes: object) -> Experiment:
    experiment = launched(owner, **changes)
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(run)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    return experiment


def with_features(experiment: Experiment, width: int = 8) -> None:
    """Leave the features that the experiment's students would have been trained on: normal, each narrower than the last."""
    run = experiment.runs.get(key=experiment.triplets[0]["student"]).run_spec
    model = catalog.known_model(run.model)
    assert model is not None
    rows = pq.ParquetFile(catalog.examples_of(run.dataset, run.fingerprint)).metadata.num_rows
    made = np.random.default_rng(0).normal(size=(rows, width)) * np.arange(width, 0, -1)
    store = artifact_store()
    write_features(store, store.features_file(run, model.layers, "mean", "fp32"), made)


def write_features(store: Store, file: Path, made: np.ndarray) -> None:
    """Write them as the engine does, with their checksum."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with store.writing(file) as path, path.open("wb") as sink:
        np.save(sink, made.astype(np.float32))


def ids_of(split: str, dataset: str = "movie-reviews") -> list[int]:
    made = rows(dataset)
    return [int(number) for number in made["id"][made["split"] == split]]


def with_texts(experiment: Experiment, texts: list[str]) -> None:
    """Give the experiment's first test examples other texts: those of a data set in the library."""
    made = rows("movie-reviews")
    columns = {"id": made["id"], "text": [*texts, *made["text"][len(texts) :]], "label": made["label"], "group": made["id"]}
    library.folder().mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), library.folder() / "made.parquet")
    fingerprint = digest(library.folder() / "made.parquet")
    (library.folder() / "made.parquet").rename(library.file_of(fingerprint))
    for run in experiment.runs.all():
        run.spec["fingerprint"] = fingerprint
        run.save(update_fields=["spec"])


def address(experiment: Experiment, rest: str = "") -> str:
    return f"/experiments/{experiment.pk}/examples/{rest}"
