"""A small data set and three runs on it, made up, and what a view of them should show, recomputed in plain Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training import Store
from training.storage.checksums import digest
from training.storage.predictions import Predictions, Trajectory
from webapp.example_queries.database import Base, Source
from webapp.example_queries.slices import Slice, open_slice
from webapp.example_queries.view import SEATS, View

ROWS = 600
KEYS = ("a" * 64, "b" * 64, "c" * 64)
STEPS = np.array([0, 10, 20, 30])
WORDS = ("good", "bad", "not", "movie", "plot", "Great", "dull", "été")


@dataclass
class World:
    """``prob`` (3, n) by seat; rows are in order of id, and the last third is locked."""

    base: Base
    source: Source
    ids: np.ndarray
    gold: np.ndarray
    group: np.ndarray
    prob: np.ndarray
    path: np.ndarray
    texts: list[str]
    split: np.ndarray

    @contextmanager
    def slice(self, view: View, *tagged: list[int]) -> Iterator[Slice]:
        with open_slice(self.base, self.source, view, tuple(tuple(ids) for ids in tagged)) as opened:
            yield opened

    def expected(self, view: View, *tagged: list[int]) -> np.ndarray:
        """Positions of the examples that the view should let through, one by one."""
        return np.array(
            [at for at in range(ROWS) if self._included(view, at) and all(self.ids[at] in ids for ids in tagged)], int
        )

    def cell(self, at: int) -> int:
        wrong = [(self.prob[seat, at] > 0.5) != self.gold[at] for seat in range(3)]
        return int(1 + 4 * wrong[0] + 2 * wrong[1] + wrong[2])

    def flip(self, at: int) -> int | None:
        weak = self.prob[0, at] > 0.5
        for index, step in enumerate(STEPS):
            if all((self.path[later, at] > 0.5) != weak for later in range(index, len(STEPS))):
                return int(step)
        return None

    def _included(self, view: View, at: int) -> bool:
        text = self.texts[at].lower()
        measured = {seat: max(p, 1 - p) for seat, p in zip(SEATS, self.prob[:, at], strict=True)}
        measured |= {"shift": abs(self.prob[1, at] - self.prob[0, at]), "length": len(text.split()), "flip": self.flip(at)}
        for name, value in measured.items():
            low, high = view.ends(name)
            if (low is not None or high is not None) and value is None:
                return False
            if (low is not None and value < np.float32(low)) or (high is not None and value > np.float32(high)):
                return False
        return (
            self.split[at] == view.split
            and (not view.cell or self.cell(at) in view.cell)
            and (view.gold is None or self.gold[at] == view.gold)
            and (view.group is None or self.group[at] == view.group)
            and all(word.lower() in text for word in (view.q.split() if view.mode == "words" else [view.q]))
        )


def make_world(folder: Path, texts: list[str] | None = None, texts_b: list[str] | None = None, features: bool = False) -> World:
    """Return the world; with ``features`` its data set has a column of bytes, as bundles and images have."""
    rng = np.random.default_rng(1)
    ids = np.sort(rng.choice(2**62, ROWS, replace=False))
    gold = rng.integers(0, 2, ROWS).astype(np.int8)
    group = np.where(rng.random(ROWS) < 0.3, rng.integers(0, 40, ROWS), ids)
    prob = rng.random((3, ROWS)).astype(np.float32)
    split = np.array(["test", "transfer", "locked"])[np.arange(ROWS) % 3]
    made = [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(ROWS)]
    texts = (texts or []) + made[len(texts or []) :]
    columns = {"id": ids, "text": texts, "label": gold, "group": group}
    if texts_b is not None:
        columns["text_b"] = texts_b + made[: ROWS - len(texts_b)]
    if features:
        columns["features_X"] = pa.array([b"0000"] * ROWS)
    pq.write_table(pa.table(columns), folder / "examples.parquet")
    store = Store(folder / "artifacts")
    path = rng.random((len(STEPS), ROWS)).astype(np.float32)
    for key, values in zip(KEYS, prob, strict=True):
        mixed = rng.permutation(ROWS)
        store.write_predictions(key, Predictions(ids, split, group, gold, values).take(mixed))
    test = rng.permutation(np.flatnonzero(split == "test"))
    store.write_trajectory(KEYS[1], Trajectory(STEPS, ids[test], path[:, test], np.full(len(STEPS), 0.5), 30))
    base = Base(folder / "cache", "256MB", 2)
    dataset = folder / "examples.parquet"
    source = Source(store, dataset, digest(dataset), KEYS, "test")
    return World(base, source, ids, gold, group, prob, path, texts, split)


def three_classes(folder: Path) -> World:
    """The same with three classes: ``prob`` (3, n, 3) and ``path`` (steps, n, 3)."""
    world = make_world(folder)
    rng = np.random.default_rng(2)
    world.gold = rng.integers(0, 3, ROWS).astype(np.int8)
    world.prob = rng.dirichlet(np.ones(3), (3, ROWS)).astype(np.float32)
    world.path = rng.dirichlet(np.ones(3), (len(STEPS), ROWS)).astype(np.float32)
    for key, values in zip(KEYS, world.prob, strict=True):
        world.source.store.write_predictions(key, Predictions(world.ids, world.split, world.group, world.gold, values))
    test = np.flatnonzero(world.split == "test")
    of_truth = np.take_along_axis(world.path[:, test], world.gold[test][None, :, None], 2)[..., 0]
    labels = world.path[:, test].argmax(2).astype(np.int16)
    path = Trajectory(STEPS, world.ids[test], of_truth, np.full(len(STEPS), 0.5), 30, labels)
    world.source.store.write_trajectory(KEYS[1], path)
    columns = {"id": world.ids, "text": world.texts, "label": world.gold, "group": world.group}
    pq.write_table(pa.table(columns), world.source.dataset)
    world.source = replace(world.source, fingerprint=digest(world.source.dataset))
    return world
