"""A small data set with written answers and three runs on it, made up: what a view of them shows can be recomputed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training import Store
from training.storage.checksums import digest
from training.storage.written_answers import WrittenAnswers, WrittenTrajectory
from webapp.example_queries.database import Base, Source
from webapp.example_queries.slices import Slice, open_slice
from webapp.example_queries.view import View

ROWS = 240
KEYS = ("a" * 64, "b" * 64, "c" * 64)
STEPS = np.array([0, 10, 20])
RIGHT = (("red", "crimson"), ("blue",), ("green",))
"""The accepted answers of the rows, in turn: two of the first are both right and not equal."""
WRONG = ("black", "white", "")
"""Wrong answers; the last one is none."""


@dataclass
class WrittenWorld:
    """``seats`` are the answers of the three runs, in order of id; ``difficulty`` has a value for two of three rows."""

    base: Base
    source: Source
    seats: list[WrittenAnswers]
    prompts: list[str]
    accepted: list[list[str]]

    @contextmanager
    def slice(self, view: View) -> Iterator[Slice]:
        with open_slice(self.base, self.source, view) as opened:
            yield opened

    def cell(self, at: int) -> int:
        return 1 + sum(weight * int(not seat.right[at]) for weight, seat in zip((4, 2, 1), self.seats, strict=True))

    def agree(self, at: int) -> bool:
        weak, student, _ = (str(seat.answer[at]) for seat in self.seats)
        return weak == student and weak != ""


def make_written_world(folder: Path, hard: bool = True) -> WrittenWorld:
    rng = np.random.default_rng(3)
    ids = np.sort(rng.choice(2**40, ROWS, replace=False))
    prompts = [f"What colour is thing {n}?" for n in range(ROWS)]
    accepted = [list(RIGHT[n % len(RIGHT)]) for n in range(ROWS)]
    difficulty = np.where(np.arange(ROWS) % 3 == 1, np.nan, rng.integers(600, 2400, ROWS).astype(float))
    columns = {"id": ids, "text": prompts, "answers": accepted, "group": ids, "themes": [["a", "b"]] * ROWS, "cell": ["x"] * ROWS}
    if hard:
        columns["difficulty"] = difficulty
    mixed = rng.permutation(ROWS)
    pq.write_table(pa.table(columns).take(mixed), folder / "examples.parquet")
    store = Store(folder / "artifacts")
    seats = []
    for key in KEYS:
        right = rng.random(ROWS) < 0.6
        answer = [str(rng.choice(accepted[n] if ok else WRONG)) for n, ok in enumerate(right)]
        seat = WrittenAnswers(
            id=ids,
            split=np.repeat("test", ROWS),
            group=ids,
            gold=np.array([references[0] for references in accepted], object),
            text=np.array([f"It is {given}!" if given else "No idea" for given in answer], object),
            answer=np.array(answer, object),
            log_probability=-rng.exponential(3, ROWS).astype(np.float32),
            ended=rng.random(ROWS) < 0.9,
            right=right,
            difficulty=difficulty if hard else np.full(ROWS, np.nan),
        )
        store.write_predictions(key, seat.take(rng.permutation(ROWS)))
        seats.append(seat)
    course = np.stack([seats[0].answer, seats[0].answer, seats[1].answer])
    rights = np.stack([seats[0].right, seats[0].right, seats[1].right])
    store.write_trajectory(KEYS[1], WrittenTrajectory(STEPS, ids, course, rights, np.full(3, 0.5), 20))
    dataset = folder / "examples.parquet"
    source = Source(store, dataset, digest(dataset), KEYS, "test")
    return WrittenWorld(Base(folder / "cache", "256MB", 2), source, seats, prompts, accepted)
