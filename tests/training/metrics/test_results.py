# mypy: disable-error-code="union-attr, operator"
"""A result says what the predictions say, in the state that they allow, whatever has finished so far."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.catalog.test_library import card, shelve
from tests.training.engine.data.made import REPORT
from training import catalog
from training.metrics.results import Group, Result, summarize
from training.planning.plan import Plan, make_plan
from training.spec import Confidence, ExperimentSpec, Method, Naive, StrongSpec, WeakSpec
from training.storage.predictions import Predictions, Trajectory

N = 800
Levels = dict[str | int, float]


def plan_of(
    seeds: int = 3,
    methods: tuple[Method, ...] = (Naive(),),
    weak: tuple[str, ...] = ("bag-of-words",),
    strong: tuple[str, ...] = ("minilm-l4",),
) -> Plan:
    return make_plan(ExperimentSpec(seeds=seeds, methods=methods, weak=WeakSpec(models=weak), strong=StrongSpec(models=strong)))


def predictions(right: Any, ids: Any = None) -> Predictions:
    """A run that is right exactly where ``right`` says, with rows of half B before the test rows."""
    n = len(right)
    gold = np.arange(n) % 2
    prob = np.where(right == (gold == 1), 0.9, 0.2)
    ids = np.arange(n) if ids is None else ids
    pad = np.array([10**6, 10**6 + 1])
    return Predictions(
        id=np.concatenate([pad, ids]),
        split=np.array(["transfer"] * 2 + ["test"] * n),
        group=np.concatenate([pad, ids]),
        gold=np.concatenate([[0, 1], gold]).astype(np.int8),
        prob=np.concatenate([[0.5, 0.5], prob]).astype(np.float32),
    )


def untold(key: str) -> Trajectory:
    """What is read of runs that have left no trajectory."""
    raise FileNotFoundError(key)


class Shelf:
    """Finished runs by key, filled by role: ``levels`` gives each role's accuracy, and chance does the rest."""

    def __init__(self, plan: Plan, levels: Levels, seed_sd: float = 0.005) -> None:
        rng = np.random.default_rng(0)
        self.plan, self.runs = plan, dict[str, Predictions]()
        difficulty = rng.random(N)
        for triplet in plan.triplets:
            for role, key in (("weak", triplet.weak), (triplet.method, triplet.student), ("ceiling", triplet.ceiling)):
                if key not in self.runs:
                    level = levels[role] + seed_sd * rng.standard_normal()
                    self.runs[key] = predictions((0.5 * difficulty + 0.5 * rng.random(N)).argsort().argsort() < level * N)

    def drop(self, role: str, seed: int, method: int | None = None) -> None:
        for triplet in self.plan.triplets:
            if triplet.seed == seed and method in (None, triplet.method):
                self.runs.pop(getattr(triplet, role), None)

    def read(self, key: str) -> Predictions:
        if key not in self.runs:
            raise FileNotFoundError(key)
        return self.runs[key]

    def read_trajectory(self, key: str) -> Trajectory:
        """Of three evaluations: the first is what was predicted, the second right on one more example, the last always says 1."""
        test = self.read(key).part("test")
        better = test.prob.copy()
        wrong = np.flatnonzero(~test.right)
        first = wrong[np.argmin(test.id[wrong])]
        better[first] = test.gold[first]
        prob = np.stack([test.prob * 0, test.prob, better, np.ones_like(test.prob)])
        return Trajectory(np.array([0, 5, 10, 15]), test.id, prob, np.array([0, 1.0, 0.9, 0.5]), selected=5)

    def result(self) -> Result:
        return summarize(self.plan, self.read, self.read_trajectory)


LEVELS: Levels = {"weak": 0.65, 0: 0.72, 1: 0.75, 2: 0.73, "ceiling": 0.85}


def only(levels: Levels, **options: float) -> Group:
    (group,) = Shelf(plan_of(), levels, **options).result().groups
    return group


def test_pgr_is_the_ratio_of_mean_gain_and_mean_gap() -> None:
    shelf = Shelf(plan_of(5), LEVELS)
    (group,) = shelf.result().groups
    mean = {
        role: np.mean([shelf.runs[getattr(triplet, role)].part("test").right.mean() for triplet in shelf.plan.triplets])
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


def test_nothing_finished_is_incomplete_and_says_what_is_missing() -> None:
    plan = plan_of()
    result = Shelf(plan, LEVELS)
    result.runs.clear()
    found = result.result()
    assert found.test_rows is None
    assert found.groups[0].state == "incomplete"
    assert found.groups[0].missing == (0, 1, 2)
    assert "weak supervisor, student, strong ceiling" in found.groups[0].reason
    assert found.groups[0].weak is None
    assert found.triplets[0].weak is None


def test_no_complete_seed_is_incomplete_but_keeps_the_accuracies_of_what_finished() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    for seed in range(3):
        shelf.drop("ceiling", seed)
    result = shelf.result()
    assert result.groups[0].state == "incomplete"
    assert result.groups[0].reason.endswith("missing: strong ceiling.")
    assert result.triplets[0].ceiling is None
    assert result.triplets[0].student is not None


def test_a_part_of_the_seeds_gives_a_provisional_result_on_these() -> None:
    shelf = Shelf(plan_of(4), LEVELS)
    shelf.drop("student", 1)
    shelf.drop("ceiling", 3)
    (group,) = shelf.result().groups
    assert (group.seeds, group.missing, group.provisional, group.state) == ((0, 2), (1, 3), True, "ok")
    assert len(group.student.per_seed) == 2


def test_one_seed_gives_an_interval_of_the_test_set_alone() -> None:
    (group,) = Shelf(plan_of(1), LEVELS).result().groups
    assert group.single_seed
    p = group.weak.value
    assert group.weak.high - p == pytest.approx(1.963 * np.sqrt(p * (1 - p) / (N - 1)), rel=1e-3)


def test_a_supervisor_at_chance_is_flagged() -> None:
    assert only({"weak": 0.5, 0: 0.6, "ceiling": 0.8}).weak_at_chance
    assert not only(LEVELS).weak_at_chance


def test_a_collapsed_ceiling_is_flagged_by_its_seed() -> None:
    shelf = Shelf(plan_of(5), LEVELS)
    shelf.runs[shelf.plan.triplets[3].ceiling] = predictions(np.arange(N) < 0.5 * N)
    assert shelf.result().groups[0].failed_ceilings == (3,)


def test_methods_are_contrasted_with_naive_and_corrected_when_there_are_several() -> None:
    methods = (Confidence(), Naive(), Confidence(weight=0.9))
    result = Shelf(plan_of(5, methods), LEVELS).result()
    assert [(contrast.method_index, contrast.baseline_index) for contrast in result.contrasts] == [(0, 1), (2, 1)]
    for contrast in result.contrasts:
        one, two = result.groups[contrast.method_index], result.groups[1]
        assert contrast.difference.value == pytest.approx(one.student.value - two.student.value)
        assert contrast.pgr_difference.value == pytest.approx(one.pgr.value - two.pgr.value)
        assert contrast.p <= contrast.p_holm <= 1
    assert any(contrast.p < contrast.p_holm for contrast in result.contrasts)


def test_a_contrast_of_two_methods_is_not_corrected_and_needs_no_ceiling() -> None:
    shelf = Shelf(plan_of(3, (Naive(), Confidence())), LEVELS)
    for seed in range(3):
        shelf.drop("ceiling", seed)
    (contrast,) = shelf.result().contrasts
    assert contrast.p == contrast.p_holm
    assert contrast.seeds == (0, 1, 2)
    assert contrast.pgr_difference is None


def test_a_contrast_uses_the_seeds_that_both_methods_have() -> None:
    shelf = Shelf(plan_of(4, (Naive(), Confidence())), LEVELS)
    shelf.drop("student", 0, method=0)
    shelf.drop("student", 2, method=1)
    assert shelf.result().contrasts[0].seeds == (1, 3)


def test_every_pair_and_method_is_a_group() -> None:
    plan = plan_of(2, (Naive(), Confidence()), ("bag-of-words", "minilm-l1"), ("minilm-l4", "minilm-l6"))
    result = Shelf(plan, LEVELS).result()
    names = [(group.weak_model, group.strong_model, group.method_index) for group in result.groups]
    assert len(names) == len(set(names)) == 8
    assert len(result.contrasts) == 4
    assert len(result.triplets) == 16


def test_the_order_of_the_rows_does_not_matter() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    before = shelf.result()
    rng = np.random.default_rng(0)
    for key, run in shelf.runs.items():
        order = rng.permutation(len(run.id))
        shelf.runs[key] = Predictions(*(getattr(run, name)[order] for name in ("id", "split", "group", "gold", "prob")))
    assert shelf.result() == before


def test_runs_tested_on_other_examples_are_refused() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    shelf.runs[shelf.plan.triplets[1].student] = predictions(np.ones(N, dtype=bool), ids=np.arange(1, N + 1))
    with pytest.raises(ValueError, match="other examples"):
        shelf.result()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.5])
def test_what_is_not_a_probability_is_refused(bad: float) -> None:
    shelf = Shelf(plan_of(), LEVELS)
    shelf.runs[shelf.plan.triplets[0].weak].prob[5] = bad
    with pytest.raises(ValueError, match="not a probability"):
        shelf.result()


def test_a_run_without_test_rows_is_refused() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    shelf.runs[shelf.plan.triplets[0].weak].split[:] = "transfer"
    with pytest.raises(ValueError, match="no predictions on the test set"):
        shelf.result()


def test_a_result_survives_json() -> None:
    result = Shelf(plan_of(3, (Naive(), Confidence())), LEVELS).result()
    assert Result.model_validate(json.loads(result.model_dump_json())) == result


def test_every_run_is_read_once() -> None:
    shelf = Shelf(plan_of(3, (Naive(), Confidence())), LEVELS)
    asked: list[str] = []

    def read(key: str) -> Predictions:
        asked.append(key)
        return shelf.read(key)

    summarize(shelf.plan, read, untold)
    assert sorted(asked) == sorted(shelf.plan.runs)


def test_the_three_stop_rules_share_supervisor_and_ceiling_and_hindsight_is_marked() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    (group,) = shelf.result().groups
    stops = group.stops
    assert [stop.hindsight for stop in (stops.last, stops.selected, stops.hindsight)] == [False, False, True]
    assert [stop.steps for stop in (stops.last, stops.selected, stops.hindsight)] == [(15,) * 3, (5,) * 3, (10,) * 3]
    assert stops.selected.accuracy == group.student
    assert stops.selected.pgr == group.pgr
    assert stops.last.accuracy.value == pytest.approx(0.5)
    assert stops.hindsight.accuracy.value == pytest.approx(group.student.value + 1 / N)
    assert stops.last.pgr.value == pytest.approx((0.5 - group.weak.value) / group.gap.value)
    assert stops.last.pgr.low < stops.last.pgr.value < stops.last.pgr.high
    assert stops.overfitting.value == pytest.approx(1 / N)
    assert stops.overfitting.low <= 1 / N <= stops.overfitting.high


def test_a_stop_rule_has_no_pgr_where_the_result_has_none() -> None:
    group = only({"weak": 0.7, 0: 0.71, "ceiling": 0.705}, seed_sd=0.0)
    assert group.stops.last.state == "unresolved"
    assert [stop.pgr for stop in (group.stops.last, group.stops.selected, group.stops.hindsight)] == [None] * 3


def test_without_a_trajectory_there_is_a_result_and_no_word_on_other_stop_rules() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    (group,) = summarize(shelf.plan, shelf.read, untold).groups
    assert group.state == "ok"
    assert group.stops is None


def test_a_trajectory_in_another_order_of_examples_gives_the_same_and_one_of_others_is_refused() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    before = shelf.result().groups[0].stops
    order = np.random.default_rng(1).permutation(N)

    def shuffled(key: str) -> Trajectory:
        one = shelf.read_trajectory(key)
        return replace(one, id=one.id[order], prob=one.prob[:, order])

    assert summarize(shelf.plan, shelf.read, shuffled).groups[0].stops == before
    with pytest.raises(ValueError, match="other examples"):
        summarize(shelf.plan, shelf.read, lambda key: replace(shelf.read_trajectory(key), id=np.arange(N) + 1))


def test_stop_rules_are_compared_on_the_examples_that_were_watched_and_say_how_many() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    (whole,) = shelf.result().groups

    def watched(key: str) -> Trajectory:
        one = shelf.read_trajectory(key)
        return replace(one, id=one.id[::-2], prob=one.prob[:, ::-2])

    (part,) = summarize(shelf.plan, shelf.read, watched).groups
    assert part.student == whole.student
    assert whole.stops
    assert part.stops
    assert (whole.stops.watched, part.stops.watched) == (None, N // 2)
    student = shelf.plan.triplets[0].student
    test, seen = shelf.read(student).part("test"), watched(student)
    assert part.stops.selected.accuracy.per_seed[0] == test.right[np.isin(test.id, seen.id)].mean()


def test_locked_rows_are_not_looked_at() -> None:
    shelf = Shelf(plan_of(), LEVELS)
    before = shelf.result()
    for key, run in shelf.runs.items():
        locked = predictions(np.zeros(50, dtype=bool), np.arange(50) + 5 * 10**6)
        locked.split[:] = "locked"
        both = {field.name: np.concatenate([getattr(run, field.name), getattr(locked, field.name)]) for field in fields(run)}
        shelf.runs[key] = Predictions(**both)
    assert shelf.result() == before


def test_what_the_checks_found_in_the_data_stays_with_the_result(data_shelf: Path) -> None:
    found = Shelf(plan_of(), LEVELS).result()
    assert found.data_warnings == catalog.dataset("movie-reviews").warnings

    shelve(data_shelf, card())
    spec = ExperimentSpec.model_validate({**plan_of().spec.model_dump(), "data": {"name": "mine"}})
    leaky = Shelf(make_plan(spec), LEVELS).result()
    assert leaky.data_warnings == REPORT.warnings
    assert Result.model_validate_json(leaky.model_dump_json()) == leaky

    (data_shelf / "mine.json").unlink()
    assert summarize(Plan(spec, {}, ()), dict[str, Predictions]().__getitem__, untold).data_warnings == ()
