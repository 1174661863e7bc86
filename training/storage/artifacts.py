"""The store: names of the files of runs under one root folder. Written by the engine, read by the web."""

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.names import FEATURES, within
from training.spec import RunSpec
from training.storage import shared_checkpoints
from training.storage.checksums import CHANGED, MISSING, SUFFIX, UNREADABLE, Checksums, DamagedArtifact, remove, sidecar
from training.storage.columns import row_of, rows_of, table_of
from training.storage.predictions import Predictions, Trajectory
from training.storage.remote import Remote, StoreUnreachable
from training.storage.shared_files import SharedFiles
from training.storage.tables import (
    NoProbabilities,
    course_of,
    known,
    outputs_of,
    table_of_predictions,
    table_of_trajectory,
    trajectory_of,
    with_probabilities,
)
from training.storage.written_answers import Course, Outputs, WrittenAnswers, WrittenTrajectory

Read = TypeVar("Read")
log = logging.getLogger(__name__)

RUN_FILES = ("predictions.parquet", "trajectory.parquet", "weights.safetensors", "run.json")
"""Files of a finished run, each with a checksum; the first one marks the run as finished."""

ROW_GROUP, GROUP_NUMBERS = 65_536, 2**18
"""Rows of a row group, which is read as a whole to find one row, and the most numbers of all classes that it has."""


class Store:
    """The artifacts of all runs under ``root``: ``runs/<key>/`` for each run, ``features/`` and ``tokens/`` shared by all.

    With a ``remote`` the files are there, for all machines, and those under ``root`` are copies of at most ``cache_bytes``. Every
    method then raises StoreUnreachable.
    """

    def __init__(self, root: str | Path, remote: Remote | None = None, cache_bytes: float = math.inf) -> None:
        self.root = Path(root)
        self.shared = None if remote is None else SharedFiles(self.root, remote, cache_bytes)
        self.checksums: Checksums = self.shared or Checksums(self.root)

    @contextmanager
    def writing(self, target: Path) -> Iterator[Path]:
        """Yield a path whose content becomes the file ``target`` of this store, with its checksum, when the block succeeds."""
        checksums = self.checksums
        checksums.begin()
        with checksums.writing(target) as path:
            yield path

    def run(self, key: str) -> Path:
        return within(self.root / "runs", key)

    @property
    def features(self) -> Path:
        return self.root / "features"

    def features_file(self, run: RunSpec, layers: int | None, reading: str, precision: str, side: str = "a") -> Path:
        """Return the file for text ``side`` (a or b), ``layers`` of the run's model, ``reading`` and ``precision``."""
        words = ((reading, "mean"), (precision, "fp32"), (side, "a"), (run.image_crop, "model"))
        variant = [word for word, usual in words if word != usual]
        variant += [*run.texts, *([f"after-{run.features_of[:16]}"] if run.features_of else [])]
        parts = [run.digest[:16], layers, run.fingerprint[:16], run.max_tokens, run.engine, *variant]
        return within(self.features, "-".join(map(str, parts)), ".npy")

    def array_file(self, run: RunSpec) -> Path:
        """Return the file of the array of a feature bundle that the run reads."""
        return within(self.features, f"{run.fingerprint[:16]}-{run.model.removeprefix(FEATURES)}", ".npy")

    @property
    def tokens(self) -> Path:
        """Folder of token ids, shared by all runs with the same data set, tokenizer and longest text."""
        return self.root / "tokens"

    def checkpoint(self, key: str) -> Path:
        """Return the path of the checkpoint of an unfinished run."""
        return self.run(key) / "checkpoint.bin"

    def weights(self, key: str) -> Path:
        """Return the file of the selected step's tensors: the head of a probe, additions and head of LoRA, or a whole model."""
        return self.run(key) / "weights.safetensors"

    def finished(self, key: str) -> bool:
        return self.checksums.has(self.run(key) / RUN_FILES[0])

    def damage(self, key: str, *, again: bool = False) -> DamagedArtifact | None:
        """Return the damage of a finished run's files, None without any; ``again``: read unchanged ones too."""
        folder, verify = self.run(key), self.checksums.recheck if again else self.checksums.verify
        if not self.finished(key):
            return DamagedArtifact(key, RUN_FILES[0], MISSING)
        try:
            names = self.checksums.names(folder)
            for name in sorted(RUN_FILES):
                if name in names:
                    verify(folder / name)
                elif name + SUFFIX in names:
                    return DamagedArtifact(key, name, MISSING)
        except DamagedArtifact as error:
            return error
        except FileNotFoundError as error:  # removed meanwhile
            return DamagedArtifact(key, Path(error.filename).name.removesuffix(SUFFIX), MISSING)
        return None

    def quarantine(self, key: str) -> None:
        """Move the files of a finished run aside to have it trained again, first the predictions, which mark it as finished."""
        folder = self.run(key)
        self.checksums.quarantine(*(path for name in RUN_FILES if self.checksums.has(path := folder / name)))

    def write_run(self, run: RunSpec) -> None:
        """Write the run's specification, so that its folder is self-contained."""
        with self.writing(self.run(run.key()) / "run.json") as path:
            path.write_text(run.model_dump_json(indent=2))

    def read_run(self, key: str) -> RunSpec:
        """Return the finished run whose key is ``key`` or begins with it.

        Raises LookupError unless there is exactly one, DamagedArtifact.
        """
        keys = self.checksums.keys(RUN_FILES[0], key) if key else []
        if len(keys) != 1:
            raise LookupError(f"{len(keys) or 'No'} finished runs in {self.root} have a key that begins with “{key}”.")
        run = self._parsed(self.run(keys[0]) / "run.json", RunSpec.model_validate_json)
        if run.key() != keys[0]:
            raise DamagedArtifact(keys[0], "run.json", CHANGED)
        return run

    def sweep(self, key: str, *patterns: str) -> None:
        """Remove the partial files of killed writers, and the run's files that match one of ``patterns``."""
        for pattern in (".*", *patterns):
            for path in self.run(key).glob(pattern):
                remove(path)
        if self.shared:
            self.shared.sweep(self.run(key), patterns)

    def publish_checkpoint(self, key: str) -> None:
        """Give other machines a checkpoint that was saved. Without the store, the run goes on, and its next one is tried."""
        if self.shared:
            try:
                shared_checkpoints.publish(self.shared, self.checkpoint(key))
            except StoreUnreachable as error:
                log.warning("A checkpoint of run %s stays on this machine. %s", key[:12], error)

    def fetch_checkpoint(self, key: str) -> None:
        """Take the checkpoint of another machine, if there is one."""
        if self.shared:
            shared_checkpoints.fetch(self.shared, self.checkpoint(key))

    def _parsed(self, path: Path, parse: Callable[[bytes], Read]) -> Read:
        """Return ``parse`` of a file that is what was written. Raises FileNotFoundError, DamagedArtifact."""
        data = self.checksums.read(path)
        with self._parse_errors_as_damage(path):
            return parse(data)

    @contextmanager
    def _parse_errors_as_damage(self, path: Path) -> Iterator[None]:
        """Treat every parse error as damage for a file without a checksum, which an older version left."""
        try:
            yield
        except (MemoryError, FileNotFoundError):
            raise
        except Exception as error:
            if sidecar(path).exists():
                raise
            raise self.checksums.damaged(path, UNREADABLE) from error

    def write_predictions(self, key: str, predictions: Outputs) -> None:
        if isinstance(predictions, WrittenAnswers):
            table, classes = predictions.table(), 1
        else:
            table, classes = table_of_predictions(predictions), predictions.classes
        with self.writing(self.run(key) / "predictions.parquet") as path:
            _write(table, path, classes)

    def read_predictions(self, key: str) -> Predictions:
        """Return a run's predictions.

        Raises FileNotFoundError where it has not finished, DamagedArtifact, NoProbabilities for a run that wrote answers.
        """
        return with_probabilities(self.read_outputs(key))

    def read_answers(self, key: str) -> WrittenAnswers:
        """Return the answers that a run wrote. Raises as ``read_outputs`` does, and ValueError for a run with classes."""
        answers = self.read_outputs(key)
        if isinstance(answers, Predictions):
            raise ValueError("This run has predicted classes and written no answers.")
        return answers

    def read_outputs(self, key: str) -> Outputs:
        """Return a run's predictions or answers. Raises FileNotFoundError where it has not finished, DamagedArtifact."""
        return self._parsed(self.run(key) / "predictions.parquet", lambda data: outputs_of(table_of(data)))

    def read_ids(self, key: str, split: str) -> npt.NDArray[np.int64]:
        """Return the ids of the examples of ``split`` that a run has predicted. Raises as ``read_outputs`` does."""
        path = self.run(key) / "predictions.parquet"
        self.checksums.verify(path)
        with self._parse_errors_as_damage(path), pq.ParquetFile(path) as file:
            table = file.read(columns=["id", "split"], use_threads=False)
        ids: npt.NDArray[np.int64] = table["id"].to_numpy()[table["split"].to_numpy() == split]
        return ids

    def read_example(self, key: str, example: int) -> Predictions | None:
        """Return the run's prediction of one example, one entry; None where the run has not predicted it.

        Raises as ``read_predictions`` does.
        """
        row = self._row(self.run(key) / "predictions.parquet", example)
        return None if row is None else with_probabilities(outputs_of(row))

    def read_examples(self, key: str, examples: Sequence[int]) -> Predictions:
        """Return the run's predictions of ``examples``, in their order and without those that it has not predicted.

        Raises as ``read_predictions`` does.
        """
        path = self.run(key) / "predictions.parquet"
        self.checksums.verify(path)
        with self._parse_errors_as_damage(path):
            rows = rows_of(path, examples)
        return with_probabilities(outputs_of(rows))

    def read_answer(self, key: str, example: int) -> WrittenAnswers | None:
        """Return the run's answer to one example, one entry; None where it wrote none. Raises as ``read_answers`` does."""
        row = self._row(self.run(key) / "predictions.parquet", example)
        return None if row is None else WrittenAnswers.of(row)

    def write_trajectory(self, key: str, trajectory: Course) -> None:
        table = trajectory.table() if isinstance(trajectory, WrittenTrajectory) else table_of_trajectory(trajectory)
        with self.writing(self.run(key) / "trajectory.parquet") as path:
            _write(table, path)

    def read_trajectory(self, key: str) -> Trajectory:
        """Return the trajectory of a run. Raises as ``read_predictions`` does."""
        trajectory = self.read_course(key)
        if isinstance(trajectory, WrittenTrajectory):
            raise NoProbabilities
        return trajectory

    def read_course(self, key: str) -> Course:
        """Return the trajectory of a run with classes or with answers. Raises as ``read_outputs`` does."""
        return self._parsed(
            self.run(key) / "trajectory.parquet", lambda data: course_of(table_of(data), lambda: self.read_predictions(key))
        )

    def read_path(self, key: str, example: int) -> Trajectory | None:
        """Return the trajectory of one test example, None without one. Raises as ``read_predictions`` does."""
        row = self._row(self.run(key) / "trajectory.parquet", example)
        return None if row is None else trajectory_of(row, lambda: known(self.read_example(key, example)))

    def read_written_path(self, key: str, example: int) -> WrittenTrajectory | None:
        """Return the trajectory of one test example of a run that wrote answers, None without one."""
        row = self._row(self.run(key) / "trajectory.parquet", example)
        return None if row is None else WrittenTrajectory.of(row)

    def _row(self, path: Path, example: int) -> pa.Table | None:
        """Return the row with this id; only the ids and one row group of the verified file are read."""
        self.checksums.verify(path)
        with self._parse_errors_as_damage(path):
            return row_of(path, example)


def _write(table: pa.Table, path: Path, classes: int = 1) -> None:
    # Probabilities hardly repeat: a dictionary of them takes eight times as long to write, and is larger.
    repeated = [name for name in table.column_names if name == "split"]
    rows = min(ROW_GROUP, GROUP_NUMBERS // classes)
    pq.write_table(table, path, compression="zstd", row_group_size=rows, use_dictionary=repeated)


def same(store: Store, key: str, other_store: Store, key_there: str) -> bool:
    """Return whether two finished runs have exactly equal predictions; false for a file that cannot be read."""
    try:
        first, second = store.read_outputs(key), other_store.read_outputs(key_there)
    except (DamagedArtifact, OSError, ValueError, LookupError, TypeError, pa.ArrowException):
        return False
    if type(first) is not type(second):
        return False
    pairs = ((getattr(first, field.name), getattr(second, field.name)) for field in fields(first))
    return all(np.array_equal(array, other, equal_nan=array.dtype.kind == "f") for array, other in pairs)
