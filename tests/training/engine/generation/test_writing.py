"""Runs that write answers: what they learn, what they tell, and what is computed from it."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factories.runs import finish
from tests.factories.written import RULE, keys_of
from training import Plan, Store, catalog
from training.engine.data.examples import load_examples
from training.metrics.results import summarize
from training.storage.artifacts import same
from training.storage.tables import NoProbabilities


def test_a_student_learns_what_its_supervisor_wrote(plan: Plan, written: Store) -> None:
    weak, student = (written.read_answers(keys_of(plan)[role]) for role in ("weak", "student"))
    assert set(weak.split) == {"transfer", "test", "locked"}
    assert weak.ended.all()
    transfer = weak.part("transfer")
    own = dict(zip(student.id, student.text, strict=True))
    learned = np.mean([own[row] == text for row, text in zip(transfer.id, transfer.text, strict=True)])
    truth = np.mean([own[row] == gold for row, gold in zip(transfer.id, transfer.gold, strict=True)])
    assert learned > truth


def test_right_is_what_the_rule_finds_among_the_accepted_answers(plan: Plan, written: Store) -> None:
    examples = load_examples("made-sums", catalog.DATASETS["made-sums"].digest)
    accepted = dict(zip(examples.id.tolist(), examples.answers.to_pylist(), strict=True))  # type: ignore[union-attr]
    for key in keys_of(plan).values():
        answers = written.read_answers(key)
        assert answers.answer.tolist() == [RULE.answer(text) or "" for text in answers.text]
        assert answers.right.tolist() == [
            RULE.right(text, accepted[row]) for row, text in zip(answers.id, answers.text, strict=True)
        ]
        assert answers.gold.tolist() == [accepted[row][0] for row in answers.id]
        assert (answers.log_probability <= 0).all()


def test_predictions_of_classes_are_refused(plan: Plan, written: Store) -> None:
    key = keys_of(plan)["student"]
    for read in (written.read_predictions, written.read_trajectory):
        with pytest.raises(NoProbabilities, match="wrote answers"):
            read(key)
    row = written.read_answer(key, int(written.read_answers(key).id[5]))
    assert row is not None
    assert row.text.tolist() == [written.read_answers(key).text[5]]
    assert same(written, key, written, key)
    assert not same(written, key, written, keys_of(plan)["weak"])


def test_events_tell_losses_and_agreement_of_the_watched_rows(plan: Plan, tmp_path: Path, written: Store) -> None:
    key = keys_of(plan)["student"]
    store = Store(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / keys_of(plan)["weak"]).symlink_to(written.run(keys_of(plan)["weak"]))
    recording = finish(plan.runs[key], store)
    assert same(store, key, written, key), "another training gives the same answers"
    trajectory, weak = store.read_course(key), written.read_answers(keys_of(plan)["weak"])
    evaluations = recording.of("evaluation")
    assert [event.step for event in evaluations] == trajectory.steps.tolist()
    supervisor = dict(zip(weak.id, weak.answer, strict=True))
    for number, event in enumerate(evaluations):
        answers, right = trajectory.answer[number], trajectory.right[number]  # type: ignore[union-attr]
        agree = [answer != "" and answer == supervisor[row] for row, answer in zip(trajectory.id, answers, strict=True)]
        assert event.accuracy == pytest.approx(right.mean())
        assert event.agreement == pytest.approx(np.mean(agree))
        assert event.validation_accuracy is None
        assert min(event.validation_loss, event.truth_loss, event.weak_loss) > 0
    assert evaluations[-1].weak_loss < evaluations[0].weak_loss
    progress = [event for event in recording.of("progress") if event.phase == "answers"]
    assert progress[-1].done == progress[-1].total == len(store.read_answers(key).id)
    assert recording.of("finished")[0].accuracy == pytest.approx(store.read_answers(key).part("test").right.mean())


def test_cells_agreement_and_pgr_equal_a_recomputation_from_answers(plan: Plan, written: Store) -> None:
    """Planted errors: supervisor, student and ceiling are wrong where this test says, in the answers that it writes."""
    result = summarize(plan, written.read_outputs, written.read_course)
    group = result.groups[0]
    tables = {}
    for role, key in keys_of(plan).items():
        table = pq.read_table(written.run(key) / "predictions.parquet").to_pylist()
        tables[role] = {row["id"]: row for row in table if row["split"] == "test"}
    ids = sorted(tables["weak"])
    right = {role: np.array([rows[row]["right"] for row in ids]) for role, rows in tables.items()}
    answer = {role: [rows[row]["answer"] for row in ids] for role, rows in tables.items()}
    equal = np.array([first == second != "" for first, second in zip(answer["weak"], answer["student"], strict=True)])
    assert result.classes is None
    assert group.agreement is not None
    assert group.transitions is not None
    assert group.agreement.overall.value == pytest.approx(equal.mean())
    cells = {
        "kept": right["weak"] & right["student"],
        "lost": right["weak"] & ~right["student"],
        "corrected": ~right["weak"] & right["student"],
        "copied": ~right["weak"] & ~right["student"] & equal,
        "changed": ~right["weak"] & ~right["student"] & ~equal,
    }
    for name, cell in cells.items():
        assert getattr(group.transitions, name).count == cell.sum(), name
    assert sum(map(np.sum, cells.values())) == len(ids)
    accuracy = {role: values.mean() for role, values in right.items()}
    assert group.gap is not None
    assert group.gap.value == pytest.approx(accuracy["ceiling"] - accuracy["weak"])
    if group.pgr is not None:
        gain = accuracy["student"] - accuracy["weak"]
        assert group.pgr.value == pytest.approx(gain / (accuracy["ceiling"] - accuracy["weak"]))
    assert not group.weak_at_chance
