"""Small feature bundles: rows around the means of their classes, seen by few and by many features."""

from pathlib import Path
from typing import Any

import numpy as np

from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.catalog.library import Card
from training.engine.data import prepare

ROWS, CLASSES = 600, 5


def bundle(rows: int = ROWS, classes: int = CLASSES) -> dict[str, np.ndarray]:
    """Return the arrays of a bundle: weak features (rows, 3) and strong ones (rows, 16), with two rows in each group."""
    rng = np.random.default_rng(7)
    truth = np.arange(rows) % classes
    means = 2 * rng.normal(size=(classes, 16))
    strong = means[truth] + rng.normal(size=(rows, 16))
    return {
        "X_weak": (strong[:, :3] + rng.normal(size=(rows, 3))).astype(np.float32),
        "X_strong": strong.astype(np.float16),
        "truth": truth,
        "id": np.array([f"image-{row:04}" for row in range(rows)]),
        "group": np.arange(rows) // 2,
        "split": np.where(np.arange(rows) // 2 % 4 == 0, "test", "train"),
        "names": np.array([f"species {number}" for number in range(classes)]),
    }


def write_npz(folder: Path, name: str = "file.npz", **changes: Any) -> Path:
    """Write the bundle with other arrays; those that are None are left out."""
    arrays = {name: values for name, values in (bundle() | changes).items() if values is not None}
    np.savez(folder / name, **arrays)
    return folder / name


def how(**changes: Any) -> Mapping:
    """Return a mapping of the bundle with all of its arrays but the split."""
    fields = {"truth": "truth", "id": "id", "group": "group", "names": "names"}
    return Mapping.model_validate({"kind": "features", "arrays": ["X_weak", "X_strong"]} | fields | changes)


def add_bundle(folder: Path, name: str, mapping: Mapping | None = None, **changes: Any) -> Card:
    """Add the bundle to the library by ``name``."""
    return prepare.add(write_npz(folder, **changes), mapping or how(), About(name=name), lambda *_: None)
