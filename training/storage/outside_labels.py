"""Labels from outside as they are stored, and the digest of their content."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.storage.atomic import atomic
from training.storage.columns import array_of, column_of, table_of
from training.storage.probabilities import Probabilities, classes_of


@dataclass(frozen=True)
class OutsideLabels:
    """Labels of examples, one entry a label, ascending by seed and id.

    ``seed`` (n,) is the seed whose file has the label, 0 throughout where one file stands for all seeds. ``prob`` is the
    probability of class 1 (n,), or with K > 2 classes that of each class (n, K); a hard label is a certain one.
    """

    seed: npt.NDArray[np.int64]
    id: npt.NDArray[np.int64]
    prob: Probabilities

    @classmethod
    def of(cls, files: Mapping[int, tuple[npt.NDArray[np.int64], Probabilities]]) -> "OutsideLabels":
        """Return the labels of the files, each ids (n,) and probabilities, by seed."""
        orders = {seed: np.argsort(ids, kind="stable") for seed, (ids, _) in files.items()}
        return cls(
            np.concatenate([np.full(len(ids), seed, np.int64) for seed, (ids, _) in sorted(files.items())]),
            np.concatenate([ids[orders[seed]] for seed, (ids, _) in sorted(files.items())]),
            np.concatenate([prob[orders[seed]] for seed, (_, prob) in sorted(files.items())]),
        )

    def for_seed(self, seed: int) -> tuple[npt.NDArray[np.int64], Probabilities]:
        """Return ids and probabilities for runs of ``seed``. Raises LookupError where there are files, but none for it."""
        seeds = np.unique(self.seed)
        mask = self.seed == (seed if len(seeds) > 1 else seeds[0])
        if not mask.any():
            raise LookupError(f"There are files for {len(seeds)} seeds, and none for seed {seed}.")
        return self.id[mask], self.prob[mask]

    def digest(self, fingerprint: str) -> str:
        """Return the SHA-256 of the labels and the ``fingerprint`` of their data set: the same on every machine."""
        head = {"version": 1, "data": fingerprint, "rows": len(self.id), "classes": classes_of(self.prob)}
        content = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
        for array, kind in ((self.seed, "<i8"), (self.id, "<i8"), (self.prob, "<f4")):
            content.update(np.ascontiguousarray(array, kind).tobytes())
        return content.hexdigest()

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table({"seed": self.seed, "id": self.id, "prob": column_of(self.prob)})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        with atomic(path) as new:
            new.write_bytes(buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> "OutsideLabels":
        """Return stored labels. Raises OSError, or pyarrow's errors for a damaged file."""
        table = table_of(path.read_bytes())
        return cls(table["seed"].to_numpy(), table["id"].to_numpy(), array_of(table["prob"].combine_chunks()))
