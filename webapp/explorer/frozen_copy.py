"""A copy of an experiment's test examples and of its runs' predictions for them, which stays when both change or are deleted."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training import RunSpec, Store
from training.names import within
from training.storage.archive import RUN, Origin, digest, read
from webapp.example_queries.pictures import IMAGE, THUMBNAIL
from webapp.example_queries.tables import NAMED, worded
from webapp.experiments import queries
from webapp.experiments.imported_runs import exported_keys
from webapp.experiments.models import Experiment, Run, Status
from webapp.explorer.example_source import TEXTS, FrozenSource
from webapp.explorer.finished_models import FinishedModels, Missing

COLUMNS = ("id", "text", "text_b", THUMBNAIL)
"""Columns of a data set with labels; of one with written answers all are copied, since the pages of its examples show all."""

BATCH = 1_024


def freeze(finished: FinishedModels, folder: Path, chosen: Sequence[int] | None = None) -> None:
    """Fill ``folder`` with the texts of the test examples and the predictions and trajectories of all finished runs.

    Only the ids ``chosen``, if given; never a locked example, nor one that a run learned from.
    Raises Missing where nothing can be compared, or a file is gone; ValueError for an id that belongs to no test example.
    """
    store, frozen = finished.source.store, Store(folder)
    student = finished.first.student
    try:
        ids = np.sort(store.read_outputs(student.key).part("test").id)
        if chosen is not None:
            ids = _known(ids, chosen)
        dataset, _ = finished.source.examples_of(student.spec)
        folder.mkdir(parents=True, exist_ok=True)
        _write_texts(dataset, ids, folder / TEXTS)
        names = exported_keys([part.run for part in queries.parts(finished.experiment)])
        for model in finished.models:
            _write_run(store, frozen, model.key, names[model.key], ids)
    except FileNotFoundError:
        gone = f"the examples of {student.spec.dataset}, or a run’s predictions for them"
        raise Missing(f"A file is gone that the examples are read from: {gone}.") from None


def _known(ids: npt.NDArray[np.int64], chosen: Sequence[int]) -> npt.NDArray[np.int64]:
    wanted = np.unique(np.array(chosen, np.int64))
    if len(strange := np.setdiff1d(wanted, ids)):
        raise ValueError(f"There is no test example {strange[0]}.")
    return wanted


def _write_texts(dataset: Path, ids: npt.NDArray[np.int64], target: Path) -> None:
    with pq.ParquetFile(dataset) as file, pq.ParquetWriter(target, _schema(file), compression="zstd") as writer:
        schema = _schema(file)
        further = [IMAGE] if THUMBNAIL in schema.names and IMAGE in file.schema_arrow.names else []
        for batch in file.iter_batches(BATCH, columns=[*schema.names, *further]):
            writer.write_batch(_with_thumbnails(batch.filter(pc.is_in(batch["id"], pa.array(ids))), schema))


def _with_thumbnails(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with the image of a row in the place of a missing thumbnail: it is small enough itself."""
    columns = {name: batch[name] for name in schema.names}
    if THUMBNAIL in columns and IMAGE in batch.schema.names:
        columns[THUMBNAIL] = pc.coalesce(batch[THUMBNAIL], batch[IMAGE])
    return pa.record_batch(columns, schema=schema)


def _schema(file: pq.ParquetFile) -> pa.Schema:
    schema = file.schema_arrow
    written = "answers" in schema.names
    fields = [field for field in schema if (written and field.name != IMAGE) or field.name in COLUMNS]
    return pa.schema(fields, None if worded(schema) else {NAMED: b"yes"})


def _write_run(store: Store, frozen: Store, key: str, name: str, ids: npt.NDArray[np.int64]) -> None:
    """Write the predictions of the run ``key`` under ``name``, its key in the archive beside the copy."""
    frozen.run(name).mkdir(parents=True, exist_ok=True)
    outputs = store.read_outputs(key).part("test")
    frozen.write_predictions(name, outputs.take(np.isin(outputs.id, ids)))
    try:
        path = store.read_course(key)
    except FileNotFoundError:
        return  # a derived run without a trajectory
    frozen.write_trajectory(name, path.take(np.isin(path.id, ids)))


@lru_cache(maxsize=64)
def thawed(archive: Path, examples: Path) -> FinishedModels:
    """Return the finished models of a frozen experiment. Neither folder ever changes. Raises training.storage.archive.Broken."""
    about = read(archive)
    triplets = [vars(triplet) for triplet in about.triplets]
    experiment = Experiment(pk=about.number, name=about.name, spec=about.spec, triplets=triplets)
    source = FrozenSource(archive, examples, digest(examples / TEXTS))
    return FinishedModels(experiment, source, {key: _run(archive, key, about.imported.get(key)) for key in _finished(examples)})


def _finished(examples: Path) -> list[str]:
    return sorted(path.parent.name for path in examples.glob("runs/*/predictions.parquet"))


def _run(archive: Path, key: str, origin: Origin | None) -> Run:
    spec = RunSpec.model_validate_json((within(archive / "runs", key) / RUN).read_text(encoding="utf-8"))
    claimed, about = (key, origin.model_dump(mode="json")) if origin else ("", None)
    return Run(key=key, spec=spec.model_dump(mode="json"), status=Status.FINISHED, claimed_key=claimed, origin=about)
