"""Verification of a run that wrote answers: its files, its events, and the data set where it is here."""

import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.answers import AnswerRule
from training.engine.data.examples import from_table
from training.engine.data.split import split_for
from training.engine.errors import EngineError
from training.engine.generation.answer_sets import accepted
from training.engine.generation.derived_answers import derived_answers
from training.engine.outputs.predicted_rows import PredictedRows
from training.engine.targets.supervisor_labels import share
from training.engine.verification import bounded, truth
from training.engine.verification.claims import ValidEvents, compare, places, stop_rule
from training.events import EvaluationLogged, RunFinished
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.predictions import earliest_best
from training.storage.written_answers import NO_ANSWER, TYPES, Texts, WrittenAnswers, WrittenTrajectory, same_answers

LONGEST = 2**16
"""Largest number of characters of a text that is read."""


def answers_of(store: Store, key: str) -> WrittenAnswers:
    """Return a run's answers, with valid types. Raises Unreadable, OSError, pa.ArrowException."""
    path = store.run(key) / bounded.PREDICTIONS
    with pq.ParquetFile(path) as file:
        if {field.name: field.type for field in file.schema_arrow} != TYPES:
            raise bounded.Unreadable("it has other columns than written answers have")
        bounded.check_fits(file, 200)
    with pq.ParquetFile(path, read_dictionary=["split"]) as file:
        bounded.check_splits(file)
    answers = store.read_answers(key)
    _check_whole(answers.id, answers.gold, answers.text, answers.answer)
    if not (np.isfinite(answers.log_probability).all() and (answers.log_probability <= 1e-3).all()):
        raise bounded.Unreadable("a log-probability is above zero or not finite")
    return answers


def trajectory_of(store: Store, key: str) -> WrittenTrajectory:
    """Return a run's trajectory. Raises as ``answers_of``."""
    with pq.ParquetFile(store.run(key) / bounded.TRAJECTORY) as file:
        columns = {field.name: field.type for field in file.schema_arrow}
        about = json.loads((file.schema_arrow.metadata or {}).get(b"trajectory", b"null"))
        evaluations = len(about["steps"]) if isinstance(about, dict) and isinstance(about.get("steps"), list) else 0
        lists = {"answer": pa.list_(pa.string(), evaluations), "right": pa.list_(pa.bool_(), evaluations)}
        if columns != {"id": pa.int64(), **lists}:
            raise bounded.Unreadable("it has other columns than a trajectory of written answers has")
        bounded.check_fits(file, 8 + 60 * evaluations)
    if not bounded.valid_steps(about.get("steps"), about.get("validation"), evaluations):
        raise bounded.Unreadable("it does not say which steps its evaluations are of")
    trajectory = WrittenTrajectory.of(bounded.table(store.run(key) / bounded.TRAJECTORY))
    if trajectory.selected not in trajectory.steps:
        raise bounded.Unreadable("the selected step was not evaluated")
    _check_whole(trajectory.id, trajectory.answer.ravel())
    return trajectory


def _check_whole(ids: npt.NDArray[np.int64], *columns: Texts) -> None:
    if len(np.unique(ids)) < len(ids):
        raise bounded.Unreadable("an example is there twice")
    if not all(isinstance(text, str) and len(text) <= LONGEST for column in columns for text in column):
        raise bounded.Unreadable("a text is missing or too long")


def check(
    store: Store, run: RunSpec, events: ValidEvents, answers: WrittenAnswers, supervisor: WrittenAnswers | None
) -> Iterator[str]:
    """Yield a sentence for each contradiction between the run's files, its events, its members and the data set.

    The run has finished. ``supervisor`` are the answers of the run that labelled for it.
    """
    assert run.answers is not None
    assert isinstance(events.end, RunFinished)
    trajectory = trajectory_of(store, run.key())
    yield from _extracted(run.answers, answers)
    test = answers.part("test")
    place = places(test.id, trajectory.id)
    if not len(test.id) or not len(trajectory.id) or place is None:
        yield "Its trajectory is of other examples than its test answers."
        return
    yield from _end(run, events.end, trajectory, test)
    weak = None
    if supervisor is not None and not run.derives:
        labels = supervisor.part("test")
        if (at := places(labels.id, trajectory.id)) is None:
            yield "The run that labelled for it says nothing of its test examples."
            return
        weak = labels.take(at)
    for event in events.evaluations:
        yield from _evaluation(event, trajectory, weak)
    if run.members:
        again = derived_answers(run, store)
        if not np.array_equal(again.id, answers.id) or not np.array_equal(again.text, answers.text):
            yield "It does not say what the majority of its members says."
    yield from _mismatches(run, answers)


def _extracted(rule: AnswerRule, answers: WrittenAnswers) -> Iterator[str]:
    wrong = sum((rule.answer(text) or NO_ANSWER) != answer for text, answer in zip(answers.text, answers.answer, strict=True))
    if wrong:
        yield f"Of {wrong:,} texts its answer is another one than the rule of its data set finds."


def _end(run: RunSpec, end: RunFinished, trajectory: WrittenTrajectory, test: WrittenAnswers) -> Iterator[str]:
    yield from stop_rule(run, trajectory.last, trajectory.selected, _rule(trajectory))
    watched = len(trajectory.id)
    claims: dict[str, tuple[float | None, float | None]] = {
        "accuracy": (end.accuracy, float(test.right.mean())),
        "selected step": (end.selected_step, trajectory.selected),
        "last step": (end.last_step, trajectory.last),
        "accuracy at the last step": (end.last_accuracy, float(trajectory.right_at(trajectory.last).mean())),
        "best step by hindsight": (end.hindsight_step, trajectory.hindsight),
        "accuracy by hindsight": (end.hindsight_accuracy, float(trajectory.right_at(trajectory.hindsight).mean())),
        "number of watched examples": (end.watched, watched if watched < len(test.id) else None),
    }
    yield from compare("at its end", claims)


def _rule(trajectory: WrittenTrajectory) -> int | None:
    """Return the step with the least validation loss, None where it is not known."""
    if not np.isfinite(trajectory.validation).all() or not (trajectory.steps > 0).any():
        return None
    return earliest_best(trajectory.steps, -trajectory.validation)


def _evaluation(event: EvaluationLogged, trajectory: WrittenTrajectory, weak: WrittenAnswers | None) -> Iterator[str]:
    at = np.flatnonzero(trajectory.steps == event.step)
    if not len(at):
        yield f"It tells of an evaluation at step {event.step}, which its trajectory does not have."
        return
    answer, right, validation = trajectory.answer[at[0]], trajectory.right[at[0]], float(trajectory.validation[at[0]])
    claims: dict[str, tuple[float | None, float | None]] = {
        "accuracy": (event.accuracy, float(right.mean())),
        "validation loss": (event.validation_loss, None if np.isnan(validation) else validation),
    }
    shares: list[float | None] = [None] * 3
    if weak is not None:
        same = same_answers(answer, weak.answer)
        shares = [share(same), share(same[weak.right]), share(same[~weak.right])]
    claimed = (event.agreement, event.agreement_right, event.agreement_wrong)
    for name, *pair in zip(
        ("agreement", "agreement where it is right", "agreement where it is wrong"), claimed, shares, strict=True
    ):
        claims[name] = (pair[0], pair[1])
    yield from compare(f"at step {event.step}", claims)


def _mismatches(run: RunSpec, answers: WrittenAnswers) -> Iterator[str]:
    """Yield a sentence for each difference between the answers and the run's data set, where that is here."""
    if (path := truth.path_of(run.fingerprint)) is None or run.answers is None:
        return
    with pq.ParquetFile(path) as file:
        columns = file.read(columns=["id", "answers", "group"])
    examples = from_table(columns.append_column("text", columns["id"]))
    try:
        parts = PredictedRows.of(run, split_for(run, examples.group))
    except (EngineError, ArithmeticError, ValueError) as error:
        yield f"Its data set cannot be divided as it says: {error}"
        return
    rows = np.concatenate(parts)
    names = np.repeat(parts._fields, [len(part) for part in parts])
    order, own = np.argsort(examples.id[rows], kind="stable"), np.argsort(answers.id, kind="stable")
    if not (np.array_equal(examples.id[rows][order], answers.id[own]) and np.array_equal(names[order], answers.split[own])):
        yield "It does not answer exactly the examples that its data set gives it."
        return
    known = accepted(examples, rows[order])
    right = [
        bool(answer) and answer in map(run.answers.answer, texts)
        for answer, texts in zip(answers.answer[own], known, strict=True)
    ]
    if not np.array_equal(right, answers.right[own]):
        yield "It counts other answers as right than the data set accepts, which is here."
    if not np.array_equal([texts[0].strip() for texts in known], answers.gold[own]):
        yield "The true answers of its examples are others than in the data set, which is here."
    if not np.array_equal(examples.group[rows][order], answers.group[own]):
        yield "The groups of its examples are others than in the data set, which is here."
