"""A finished experiment on written answers, its answers made up: sums of two digits, with a theme and a note in each row."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from django.contrib.auth.models import User
from safetensors.numpy import save_file

from tests.factories import claims
from tests.factories.experiments import SKILL, ending, launched
from training import catalog
from training.answers import AnswerRule
from training.catalog import library
from training.catalog.check_report import Counts, Lengths, Neighbours, Report
from training.events import EvaluationLogged, Event, MetricLogged, Progress, RunStarted
from training.storage.checksums import digest
from training.storage.written_answers import WrittenAnswers, WrittenTrajectory
from webapp.artifact_store import artifact_store
from webapp.experiments import results
from webapp.experiments.models import Experiment, Run, Status

SPLITS = {"test": 120, "transfer": 60, "locked": 20}
STEPS = np.array([0, 10, 20])
NAME = "sums"
FIRST = 1000
"""The id of the first row; ids are in the order of rows."""
CONFIG = {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_positions": 256, "vocab_size": 2}
TOKENIZER = {"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}}


def make_dataset(**further: object) -> None:
    """Add a data set of sums to the library, with two accepted answers in the third row, and equal ``further`` values in each."""
    rows = sum(SPLITS.values())
    first, second = np.arange(rows) % 10, np.arange(rows) // 10
    total = first + second
    answers = [[f"{a} and {b} make {a + b}"] for a, b in zip(first, second, strict=True)]
    answers[2].append(str(total[2]))
    columns = {
        "id": np.arange(rows) + FIRST,
        "text": [f"What is {a} plus {b}?" for a, b in zip(first, second, strict=True)],
        "answers": answers,
        "group": np.arange(rows) + FIRST,
        "difficulty": total.astype(float),
        "themes": [["even" if c % 2 == 0 else "odd", "sum"] for c in total],
        "note": [f"row {n}" for n in range(rows)],
        **{name: [value] * rows for name, value in further.items()},
    }
    library.folder().mkdir(parents=True, exist_ok=True)
    path = library.folder() / "made.parquet"
    pq.write_table(pa.table(columns), path)
    report = Report(
        counts=Counts(read=rows, examples=rows, copies=0, conflicts=0, unequal=0, unbalanced=0, kept=rows),
        classes=(),
        groups=rows,
        largest_group=1,
        lengths=Lengths(edges=(0, 8), counts=((rows,), (rows,)), median=(5, 5)),
        neighbours=Neighbours(compared=rows, near=0),
        baselines=(),
        sampled=0,
        samples=(),
        warnings=(),
    )
    card = library.Card(
        name=NAME,
        title="Sums",
        source="made for a test",
        licence="MIT",
        citation="",
        rows=rows,
        fingerprint=digest(path),
        classes=(),
        answers=AnswerRule(extract="number"),
        group="the row itself",
        mapping=None,
        report=report,
        made=datetime.now(UTC),
    )
    library.put(card, path)


def writer() -> str:
    """Return a decoder that can be chosen: a folder beside the library with all that is read of one, since nothing is trained."""
    folder = library.folder() / "tiny-writer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    save_file({"wte.weight": np.zeros((2, 8), np.float32)}, folder / "model.safetensors")
    return str(folder)


Given = Callable[[Run, npt.NDArray[np.int64]], npt.NDArray[Any]]
"""The answers of a run, as digits or empty for none, from the right sums."""


def drawn(run: Run, total: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Answers of which about as many are right as its role is able to; wrong ones are too large by 1, or are no number."""
    rng = np.random.default_rng(int(run.key[:8], 16))
    right = rng.random(len(total)) < SKILL[run.parts.first().role]  # type: ignore[union-attr]
    none = ~right & (rng.random(len(total)) < 0.2)
    return np.array(["" if blank else str(c if r else c + 1) for c, r, blank in zip(total, right, none, strict=True)], object)


def outputs_of(run: Run, given: Given) -> WrittenAnswers:
    table = pq.ParquetFile(catalog.dataset(NAME).path).read()
    total = table["difficulty"].to_numpy().astype(int)
    answer, rng = given(run, total), np.random.default_rng(int(run.key[:8], 16))
    return WrittenAnswers(
        id=table["id"].to_numpy(),
        split=np.repeat(list(SPLITS), list(SPLITS.values())),
        group=table["group"].to_numpy(),
        gold=np.array([accepted[0] for accepted in table["answers"].to_pylist()], object),
        text=np.array([f"They make {digits}" if digits else "I do not know <b>" for digits in answer], object),
        answer=answer,
        log_probability=-rng.exponential(3, len(total)).astype(np.float32),
        ended=rng.random(len(total)) < 0.9,
        right=answer == total.astype(str),
        difficulty=table["difficulty"].to_numpy(),
    )


def finish(run: Run, given: Given) -> None:
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed is not None
    store, wrote = artifact_store(), outputs_of(run, given)
    store.write_predictions(run.key, wrote)
    test = wrote.part("test")
    share = float(test.right.mean())
    before = np.full(len(test.id), "", object)
    course = np.stack([before, test.answer, test.answer])
    right = np.stack([np.zeros(len(test.id), bool), test.right, test.right])
    store.write_trajectory(run.key, WrittenTrajectory(STEPS, test.id, course, right, np.full(3, 0.5), 20))
    events: list[Event] = [
        RunStarted(total_steps=20, device="cpu", versions={}),
        MetricLogged(step=10, loss=1.0, lr=1e-3),
        EvaluationLogged(step=10, accuracy=share, agreement=0.5, validation_loss=0.7, truth_loss=0.8, weak_loss=0.6),
        MetricLogged(step=20, loss=0.5, lr=1e-3),
        EvaluationLogged(step=20, accuracy=share, agreement=0.6, validation_loss=0.6, truth_loss=0.7, weak_loss=0.5),
        Progress(phase="answers", done=100, total=200),
    ]
    claims.append_events(run.pk, claimed.attempt, events)
    claims.append_events(run.pk, claimed.attempt, [ending(share)])


def written(owner: User, given: Given = drawn, **changes: object) -> Experiment:
    """Return the experiment, finished, on the data set that ``make_dataset`` has made, with the answers of ``given``."""
    experiment = launched(owner, **spec_of(**changes))
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(run, given)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    return experiment


def spec_of(**changes: object) -> dict[str, object]:
    decoder = {"models": [writer()], "tuning": "full"}
    return {"data": {"name": NAME}, "weak": decoder, "strong": decoder, "methods": [{"kind": "naive"}], "seeds": 2, **changes}
