"""Every method from the spec to its result on the small data set, and which of them are the same thing in the end."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.factories.methods import finish_all, plan_of, student_of
from tests.factories.runs import Recording, finish, make_run
from training import ExperimentSpec, RunSpec, Store, catalog, execute
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.errors import EngineError
from training.engine.models.features import features_path
from training.engine.models.inputs import Ragged
from training.engine.targets.imitation import prompted
from training.metrics.results import summarize
from training.spec.methods import (
    METHODS,
    PROMPTS,
    Anchored,
    Confidence,
    ConfidenceBuffer,
    EasyToHard,
    FilterFraction,
    FilterThreshold,
    Mixed,
    Naive,
    Overlap,
    ReverseKL,
)
from training.storage.predictions import Predictions

TRAINED = [kind for kind in METHODS if kind not in PROMPTS]  # those ask a decoder: test_prompting.py


@pytest.mark.parametrize("kind", TRAINED, ids=lambda kind: kind.model_fields["kind"].default)
def test_every_method_runs_from_the_spec_to_its_result(kind: Any, shared: Store) -> None:
    few = {"threshold": 0.5, "members": 2, "fraction": 0.5}  # what rows as few as these need, or keeps it short
    settings = {name: value for name, value in few.items() if name in kind.model_fields and kind not in (Anchored, Confidence)}
    only = {"strong": {"models": ["minilm-l1"]}} if kind is Overlap else {}  # a bag of words has no features
    plan = plan_of(kind(**settings).model_dump(), **only)
    finish_all(plan, shared)
    result = summarize(plan, shared.read_predictions, shared.read_trajectory)
    assert len(result.groups) == (2 if only else 4)
    for group in result.groups:
        assert not group.missing
        assert group.student is not None
        assert (group.hard is not None) == (kind is EasyToHard)
    said = shared.read_predictions(student_of(plan).key()).part("test").prob
    assert len(np.unique(said)) > len(said) // 2


def predictions(run: RunSpec, store: Store) -> Predictions:
    if not store.finished(run.key()):
        finish(run, store)
    return store.read_predictions(run.key())


def by(method: Any, shared: Store, **changes: Any) -> Predictions:
    """Return the predictions of the bag of words' student that learned by ``method`` itself."""
    plan = plan_of(method.model_dump(), **changes)
    finish_all(plan, shared)
    return shared.read_predictions(student_of(plan).key())


def same(first: Predictions, other: Predictions) -> bool:
    return first.prob.tobytes() == other.prob.tobytes()


def ceiling(shared: Store) -> Predictions:
    plan = plan_of({"kind": "naive"})
    finish_all(plan, shared)
    return shared.read_predictions(next(triplet.ceiling for triplet in plan.triplets if triplet.strong_model == "minilm-l1"))


def test_no_ground_truth_is_naive_and_ground_truth_alone_is_the_ceiling_bit_for_bit(shared: Store) -> None:
    assert same(by(Mixed(fraction=0), shared), by(Naive(), shared))
    assert same(by(Mixed(fraction=1), shared), ceiling(shared))
    assert same(by(Anchored(fraction=1), shared), ceiling(shared))
    assert same(by(Mixed(fraction=1, rest="random"), shared), ceiling(shared))
    assert not same(by(Mixed(fraction=0.5), shared), by(Naive(), shared))
    assert not same(by(Mixed(fraction=0, rest="random"), shared), by(Naive(), shared))


def test_the_anchored_loss_of_weight_zero_is_mixing_and_without_ground_truth_the_confidence_loss(shared: Store) -> None:
    assert same(by(Anchored(fraction=0.4, weight=0), shared), by(Mixed(fraction=0.4), shared))
    assert same(by(Anchored(fraction=0), shared), by(Confidence(), shared))


def test_the_threshold_of_a_guess_is_told_with_its_weight_as_the_median_of_its_batch(shared: Store) -> None:
    plan = plan_of({"kind": "confidence"})
    finish_all(plan, shared)
    run = student_of(plan).model_copy(update={"batch_size": 72, "epochs": 5})
    metrics = finish(run, shared).of("metric")
    assert (metrics[0].confidence_weight, metrics[-1].confidence_weight) == (0.0, 0.5)
    assert metrics[0].threshold == 0.5, "of a head that starts at zero"
    assert all(0 < metric.threshold < 1 for metric in metrics)
    naive = run.model_copy(update={"method": Naive()})
    assert {metric.threshold for metric in finish(naive, shared).of("metric")} == {None}


def test_of_three_kinds_each_row_is_one_and_the_control_has_as_many_as_overlap(shared: Store) -> None:
    rows = {}
    for part in ("overlap", "easy", "hard", "random"):
        plan = plan_of({"kind": "overlap", "part": part}, strong={"models": ["minilm-l1"]})
        finish_all(plan, shared)
        run = student_of(plan).model_copy(update={"epochs": 3})  # so that it is trained here, whatever was before
        started = finish(run, shared).of("started")[0]
        rows[part], of = started.rows, started.rows_of
    assert rows["overlap"] + rows["easy"] + rows["hard"] == of
    assert rows["random"] == rows["overlap"] < of


def test_overlap_is_refused_where_there_are_no_features_to_be_near_in() -> None:
    with pytest.raises(ValidationError, match="has none"):
        plan_of({"kind": "overlap"})
    with pytest.raises(ValidationError, match="pairs of texts"):
        plan_of({"kind": "overlap"}, data={"name": "movie-preferences"}, strong={"models": ["minilm-l1"]})


def test_a_filter_that_keeps_all_is_naive_and_all_is_easy_for_the_ceiling(shared: Store) -> None:
    assert same(by(FilterFraction(keep=1), shared), by(Naive(), shared))
    assert same(by(FilterThreshold(threshold=0), shared), by(Naive(), shared))
    assert same(by(EasyToHard(easy=1), shared), ceiling(shared))


def test_a_filter_says_how_many_rows_it_keeps_and_refuses_too_few(shared: Store) -> None:
    finish_all(plan_of({"kind": "naive"}), shared)
    student = student_of(plan_of(FilterFraction(keep=0.25).model_dump()))
    (shared.run(student.key()) / "predictions.parquet").unlink(missing_ok=True)
    (started,) = finish(student, shared).of("started")
    examples = load_examples(student.dataset, student.fingerprint)
    rows = split_for(student, examples.group).b.train
    weak = shared.read_predictions(student.labels).part("transfer")
    label = weak.take(np.isin(weak.id, examples.id[rows])).label
    assert (started.rows, started.rows_of) == (sum(-(-int((label == value).sum()) // 4) for value in np.unique(label)), len(rows))
    assert started.total_steps == 2 * -(-started.rows // 16)
    nobody = student.model_copy(update={"method": FilterThreshold(threshold=0.999)})
    with pytest.raises(EngineError, match=rf"^0 of {len(rows)} rows are left to learn from"):
        finish(nobody, shared)


@pytest.mark.parametrize("errors", ["random", "longest", "shortest", "unsure", "sure"])
def test_a_simulated_supervisor_is_as_often_right_as_the_real_one_and_wrong_where_it_should_be(
    errors: str, shared: Store
) -> None:
    plan = plan_of({"kind": "naive"}, weak={"models": ["bag-of-words"], "errors": errors}, strong={"models": ["minilm-l1"]})
    finish_all(plan, shared)
    (triplet,) = plan.triplets
    run = plan.runs[triplet.weak]
    said, real, strong = (shared.read_predictions(key) for key in (triplet.weak, run.labels, triplet.ceiling))
    assert plan.runs[triplet.student].labels == triplet.weak
    assert set(np.unique(said.prob)) <= {0, 1}
    examples = load_examples(run.dataset, run.fingerprint)
    lengths = dict(zip(examples.id.tolist(), map(len, examples.text.to_pylist()), strict=True))
    for part in ("transfer", "test", "locked"):
        simulated, own, ceiling = said.part(part), real.part(part), strong.part(part)
        assert simulated.right.sum() == own.right.sum()
        score = {
            "longest": np.array([lengths[example_id] for example_id in simulated.id.tolist()]),
            "shortest": -np.array([lengths[example_id] for example_id in simulated.id.tolist()]),
            "unsure": -np.abs(ceiling.prob.astype(float) - 0.5),
            "sure": np.where(ceiling.gold == 1, ceiling.prob, 1 - ceiling.prob),
        }.get(errors)
        if score is not None:
            assert score[~simulated.right].min() >= score[simulated.right].max() - 1e-6
        elif part == "test":
            assert (simulated.right != own.right).any()


def test_the_imitation_prompt_says_the_supervisors_label_in_every_text_and_is_believed(shared: Store) -> None:
    plan = plan_of({"kind": "naive"}, {"kind": "imitation"}, strong={"epochs": 40, "lr": 0.02})
    finish_all(plan, shared)
    naive, student = student_of(plan, method=0), student_of(plan, method=1)
    supervisor = shared.read_predictions(student.labels)
    examples = load_examples(student.dataset, student.fingerprint)
    read = prompted(student, examples, supervisor)
    labels = dict(zip(supervisor.id.tolist(), supervisor.label.tolist(), strict=True))
    names = catalog.dataset(student.dataset).classes
    for item, before, after in zip(examples.id.tolist(), examples.text.to_pylist(), read.text.to_pylist(), strict=True):
        assert after == before + (f"\n\nI think this is {names[labels[item]]}. What do you think?" if item in labels else "")

    def agreement(run: RunSpec) -> float:
        said = shared.read_predictions(run.key()).part("test")
        return float(np.mean(said.label == supervisor.part("test").label))

    assert agreement(student) > agreement(naive)
    ceiling = next(plan.runs[item.ceiling] for item in plan.triplets if item.student == student.key())
    assert ceiling.texts == naive.texts == ()
    assert features_path(student, shared) != features_path(naive, shared)


def test_the_imitation_prompt_is_refused_for_pairs_of_texts() -> None:
    with pytest.raises(ValidationError, match="examples of this data set are pairs of texts"):
        ExperimentSpec.model_validate({"data": {"name": "movie-preferences"}, "methods": [{"kind": "imitation"}]})


def test_a_buffer_goes_on_where_it_was_interrupted(store: Store) -> None:
    finish(make_run(), store)
    run = make_run("student", method=ConfidenceBuffer(ramp_steps=0, buffer=24), batch_size=5, epochs=1)
    expected = predictions(run, store)
    (store.run(run.key()) / "predictions.parquet").unlink()
    recording = Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 7)
    execute(run, store, recording.emit, lambda: recording.stop)
    assert recording.of("stopped")
    assert same(predictions(run, store), expected)
    small = run.model_copy(update={"method": ConfidenceBuffer(ramp_steps=0, buffer=5)})
    assert not same(predictions(small, store), expected)


def test_a_buffer_of_the_batch_alone_is_the_papers_loss_without_its_ramp(store: Store) -> None:
    finish(make_run(), store)
    rows = 16  # a batch; the last batch of an epoch may be smaller, so one epoch of whole batches is compared by its first steps
    buffer = make_run("student", method=ConfidenceBuffer(ramp_steps=0, buffer=rows), stop="last", epochs=1, limit=90)
    paper = buffer.model_copy(update={"method": Confidence(ramp=0)})
    for run in (buffer, paper):
        finish(run, store)
    first, other = store.read_trajectory(buffer.key()), store.read_trajectory(paper.key())
    whole = [step for step in first.steps.tolist() if step <= 3]
    assert whole
    for step in whole:
        np.testing.assert_array_equal(first.at(step), other.at(step))


@pytest.mark.parametrize(
    "method",
    [
        Confidence(ramp=0, weight=0.9),
        Confidence(ramp=0, weight=0.9, threshold="prior"),
        ConfidenceBuffer(ramp_steps=0, weight=0.9, buffer=20),
        Anchored(fraction=0.5, weight=0.9, ramp=0),
        ReverseKL(),
        Naive(labels="hard"),
    ],
    ids=repr,
)
def test_a_batch_in_parts_teaches_what_the_whole_batch_teaches(
    method: Any, shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_all(plan_of({"kind": "naive"}), shared)
    naive = student_of(plan_of({"kind": "naive"}), strong="bag-of-words")  # whose parts are in the order of length
    run = naive.model_copy(update={"method": method, "batch_size": 30, "stop": "last"})
    whole = predictions(run, shared).prob
    assert np.abs(whole - shared.read_predictions(naive.key()).prob).max() > 0.001
    (shared.run(run.key()) / "predictions.parquet").unlink()
    monkeypatch.setattr(Ragged, "together", lambda self, rows: False)
    np.testing.assert_allclose(predictions(run, shared).prob, whole, atol=1e-5)
