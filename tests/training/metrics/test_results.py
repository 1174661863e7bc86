# mypy: disable-error-code="union-attr, operator"
"""A result says what the predictions say, in the state that they allow, whatever has finished so far."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests.factories.datasets import REPORT, card, shelve
from tests.factories.results import LEVELS, FinishedRuns, Levels, N, only, plan_of, predictions, untold
from training import catalog
from training.metrics.results import Result, summarize
from training.planning.plan import Plan, make_plan
from training.spec import Confidence, ExperimentSpec, Naive
from training.storage.predictions import Predictions


def test_pgr_is_the_ratio_of_mean_gain_and_mean_gap() -> None:
    finished = FinishedRuns(plan_of(5), LEVELS)
    (group,) = finished.result().groups
    mean = {
        role: np.mean([finished.runs[getattr(triplet, role)].part("test").right.mean() for triplet in finished.plan.triplets])
        for role in ("weak", "student", "ceiling")
    }
    assert group.state == "ok"
    assert group.pgr.value == pytest.approx((mean["student"] - mean["weak"]) / (mean["ceiling"] - mean["weak"]))
    assert group.pgr.low < group.pgr.value < group.pgr.high
    assert group.gap.value == pytest.approx(mean["ceiling"] - mean["weak"])
    assert group.gain.value == pytest.approx(mean["student"] - mean["weak"])
    assert group.student.value == pytest.approx(mean["student"])
    assert group.student.value == pytest.approx(np.mean(group.student.per_seed))
    assert (group.seeds, group.missing, group.provisional, group.single_seed) == ((0, 1, 2, 3, 4), (), False, False)


@pytest.mark.parametrize(
    ("levels", "state", "word"),
    [
        (LEVELS, "ok", "wide enough"),
        ({"weak": 0.995, 0: 0.995, "ceiling": 0.997}, "saturated", "no headroom"),
        ({"weak": 0.85, 0: 0.7, "ceiling": 0.65}, "inverted", "undefined"),
        ({"weak": 0.700, 0: 0.71, "ceiling": 0.705}, "unresolved", "includes zero"),
    ],
)
def test_state_follows_from_the_accuracies(levels: Levels, state: str, word: str) -> None:
    group = only(levels, seed_sd=0.0)
    assert group.state == state
    assert word in group.reason
    assert group.reason.endswith(".")


@pytest.mark.parametrize("levels", [{"weak": 0.995, 0: 0.995, "ceiling": 0.997}, {"weak": 0.7, 0: 0.71, "ceiling": 0.705}])
def test_a_group_that_is_not_ok_has_accuracies_and_a_gap_but_no_pgr(levels: Levels) -> None:
    group = only(levels, seed_sd=0.0)
    assert group.pgr is None
    assert group.gap.low is not None
    assert group.weak.low <= group.weak.value <= group.weak.high


def test_a_gap_that_excludes_zero_by_itself_can_still_be_too_uncertain_to_divide_by() -> None:
    """Three seeds with the same gap, but students that scatter: few degrees of freedom for the ratio, many for the gap."""
    plan = plan_of(3)
    runs = {}
    for triplet, right in zip(plan.triplets, (200, 640, 1000), strict=True):
        runs[triplet.weak] = predictions(np.arange(1000) < 600)
        runs[triplet.student] = predictions(np.arange(1000) < right)
        runs[triplet.ceiling] = predictions(np.arange(1000) < 606)
    (wide,) = summarize(plan, runs.__getitem__, untold).groups
    assert wide.gap.excludes_zero
    assert wide.state == "unresolved"
    assert "no finite ends" in wide.reason


def test_pgr_is_not_clipped() -> None:
    assert only({"weak": 0.6, 0: 0.9, "ceiling": 0.8}).pgr.value > 1
    assert only({"weak": 0.6, 0: 0.5, "ceiling": 0.8}).pgr.value < 0


def test_transitions_sum_to_the_test_set_and_corrected_minus_lost_is_the_gain() -> None:
    group = only(LEVELS)
    cells = group.transitions
    parts = (cells.kept, cells.lost, cells.corrected, cells.copied)
    assert sum(cell.count for cell in parts) == pytest.approx(N)
    assert sum(cell.share.value for cell in parts) == pytest.approx(1)
    assert cells.corrected.share.value - cells.lost.share.value == pytest.approx(group.gain.value)
    assert all(cell.count == pytest.approx(N * cell.share.value) for cell in parts)


def test_agreement_splits_the_students_accuracy_exactly() -> None:
    group = only(LEVELS)
    weak, agreement = group.weak.value, group.agreement
    right, wrong = agreement.supervisor_right.value, agreement.supervisor_wrong.value
    assert weak * right + (1 - weak) * (1 - wrong) == pytest.approx(group.student.value)
    assert weak * right + (1 - weak) * wrong == pytest.approx(agreement.overall.value)
    assert agreement.supervisor_wrong.low < wrong < agreement.supervisor_wrong.high


def test_a_supervisor_that_is_never_wrong_leaves_no_agreement_on_its_errors() -> None:
    plan = plan_of(2)
    runs = {run: predictions(np.ones(50, dtype=bool)) for run in plan.runs}
    (group,) = summarize(plan, runs.__getitem__, untold).groups
    assert group.agreement.supervisor_wrong is None
    assert group.agreement.supervisor_right.value == 1
    assert group.state == "saturated"


def test_identical_predictions_are_unresolved() -> None:
    plan = plan_of(3)
    (group,) = summarize(plan, dict.fromkeys(plan.runs, predictions(np.arange(100) < 70)).__getitem__, untold).groups
    assert group.state == "unresolved"
    assert (group.gap.value, group.gap.low, group.gap.high) == (0, 0, 0)


def test_a_supervisor_at_chance_is_flagged() -> None:
    assert only({"weak": 0.5, 0: 0.6, "ceiling": 0.8}).weak_at_chance
    assert not only(LEVELS).weak_at_chance


def test_a_collapsed_ceiling_is_flagged_by_its_seed() -> None:
    finished = FinishedRuns(plan_of(5), LEVELS)
    finished.runs[finished.plan.triplets[3].ceiling] = predictions(np.arange(N) < 0.5 * N)
    assert finished.result().groups[0].failed_ceilings == (3,)


def test_every_pair_and_method_is_a_group() -> None:
    plan = plan_of(2, (Naive(), Confidence()), ("bag-of-words", "minilm-l1"), ("minilm-l4", "minilm-l6"))
    result = FinishedRuns(plan, LEVELS).result()
    names = [(group.weak_model, group.strong_model, group.method_index) for group in result.groups]
    assert len(names) == len(set(names)) == 8
    assert len(result.contrasts) == 4
    assert len(result.triplets) == 16


def test_the_order_of_the_rows_does_not_matter() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    before = finished.result()
    rng = np.random.default_rng(0)
    for key, run in finished.runs.items():
        order = rng.permutation(len(run.id))
        finished.runs[key] = Predictions(*(getattr(run, name)[order] for name in ("id", "split", "group", "gold", "prob")))
    assert finished.result() == before


def test_a_result_survives_json() -> None:
    result = FinishedRuns(plan_of(3, (Naive(), Confidence())), LEVELS).result()
    assert Result.model_validate(json.loads(result.model_dump_json())) == result


def test_every_run_is_read_once() -> None:
    finished = FinishedRuns(plan_of(3, (Naive(), Confidence())), LEVELS)
    keys: list[str] = []

    def read(key: str) -> Predictions:
        keys.append(key)
        return finished.read(key)

    summarize(finished.plan, read, untold)
    assert sorted(keys) == sorted(finished.plan.runs)


def test_locked_rows_are_not_looked_at() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    before = finished.result()
    for key, run in finished.runs.items():
        locked = predictions(np.zeros(50, dtype=bool), np.arange(50) + 5 * 10**6)
        locked.split[:] = "locked"
        both = {field.name: np.concatenate([getattr(run, field.name), getattr(locked, field.name)]) for field in fields(run)}
        finished.runs[key] = Predictions(**both)
    assert finished.result() == before


def test_what_the_checks_found_in_the_data_stays_with_the_result(dataset_library: Path) -> None:
    result = FinishedRuns(plan_of(), LEVELS).result()
    assert result.data_warnings == catalog.dataset("movie-reviews").warnings

    shelve(dataset_library, card())
    spec = ExperimentSpec.model_validate({**plan_of().spec.model_dump(), "data": {"name": "mine"}})
    leaky = FinishedRuns(make_plan(spec), LEVELS).result()
    assert leaky.data_warnings == REPORT.warnings
    assert Result.model_validate_json(leaky.model_dump_json()) == leaky

    (dataset_library / "mine.json").unlink()
    assert summarize(Plan(spec, {}, ()), dict[str, Predictions]().__getitem__, untold).data_warnings == ()
