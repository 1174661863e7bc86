"""No PGR is shown unless its state is ok: in sentences, tables, drawings and the overview of all pairs."""

import json
import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.factories.results import N, predictions, untold
from training.metrics.results import Group, Result, summarize
from training.planning.plan import Plan, make_plan
from training.spec import ExperimentSpec
from training.storage.predictions import Predictions, Trajectory
from webapp.charts.gap import gap_chart
from webapp.charts.numbers import rate, rate_interval
from webapp.findings.findings import Findings
from webapp.findings.overview import Overview
from webapp.findings.pairs import PairLanes, pairs_of
from webapp.findings.wording import percent, short_methods

A_PGR = re.compile(r"PGR[^.;]{0,12}\s[−]?\d*\.\d|recovers\s+[−\d]|\d\s*%\s*\[")


class Random:
    """An experiment of two supervisors and two methods with random accuracies and gaps, and missing runs."""

    def __init__(self, number: int) -> None:
        self.rng = np.random.default_rng(number)
        self.spec = ExperimentSpec.model_validate(
            {
                "seeds": int(self.rng.integers(1, 5)),
                "weak": {"models": ["bag-of-words", "minilm-l1"]},
                "methods": [{"kind": "naive"}, {"kind": "confidence"}],
            }
        )
        self.plan: Plan = make_plan(self.spec)
        self.hard, self.runs = self.rng.random(N), dict[str, Predictions]()
        missing = self.rng.choice([0, 0, 0.1, 0.4])
        weak = {name: float(self.rng.choice([0.5, 0.6, 0.7, 0.995])) for name in self.spec.weak.models}
        ceiling = float(self.rng.choice([0.55, 0.7, 0.72, 0.85, 0.995]))
        student = float(self.rng.uniform(0.45, 0.99))
        for triplet in self.plan.triplets:
            levels = {"weak": weak[triplet.weak_model], "student": student, "ceiling": ceiling}
            for role, level in levels.items():
                key = getattr(triplet, role)
                if key not in self.runs and self.rng.random() >= missing:
                    self.runs[key] = self.answers(level)

    def answers(self, level: float) -> Predictions:
        order = (0.5 * self.hard + 0.5 * self.rng.random(N)).argsort().argsort()
        return predictions(order < (level + 0.01 * self.rng.standard_normal()) * N)

    def read(self, key: str) -> Predictions:
        if key not in self.runs:
            raise FileNotFoundError(key)
        return self.runs[key]

    def trajectory(self, key: str) -> Trajectory:
        """Return trajectories for half of the experiments, so that stop rules are covered too."""
        if self.spec.seeds % 2:
            untold(key)
        test = self.read(key).part("test")
        path = np.stack([test.prob, 1 - test.prob])
        return Trajectory(np.array([5, 10]), test.id, path, np.array([0.9, 0.5]), selected=5)

    def result(self) -> Result:
        return summarize(self.plan, self.read, self.trajectory)


def findings(random: Random, result: Result) -> list[Findings]:
    triplets = [vars(triplet) for triplet in random.plan.triplets]
    return [Findings(random.spec, result, PairLanes(random.spec, pair, triplets, [])) for pair in pairs_of(random.spec)]


def sentences(each: Findings) -> list[str]:
    said = [each.claim.text, *each.further, *(note.text for note in [*each.unresolved, *each.notes])]
    return [*said, json.dumps(gap_chart(each.groups, short_methods(each.spec)), ensure_ascii=False)]


def hidden(group: Group) -> list[str]:
    """Return the undefined ratio as the page would write it."""
    if group.gain is None or not group.gap or group.gap.value == 0:
        return []
    value = group.gain.value / group.gap.value
    return [f"recovers {percent(value)}%", f"PGR {rate(value, 2)} "]


@cache
def both() -> list[tuple[Random, Result]]:
    return [(random, random.result()) for random in map(Random, range(24))]


def all_findings() -> list[Findings]:
    """Return the findings of every pair with a complete seed."""
    return [each for random, result in both() for each in findings(random, result) if each.any]


def test_the_experiments_are_of_every_state() -> None:
    states = {group.state for _, result in both() for group in result.groups}
    assert states == {"ok", "unresolved", "inverted", "saturated", "incomplete"}


def test_no_sentence_and_no_drawing_has_a_pgr_where_none_is_ok() -> None:
    looked = 0
    for each in all_findings():
        if not each.resolved:
            looked += 1
            for text in sentences(each):
                assert not A_PGR.search(text), text
                assert not any(number in text for group in each.groups for number in hidden(group)), text
    assert looked > 10


def test_the_claim_has_a_pgr_exactly_where_the_state_of_its_method_is_ok() -> None:
    for each in all_findings():
        assert ("recovers" in each.claim.text) == (each.head.state == "ok"), each.claim.text
        others = sum("recovers" in text for text in each.further)
        assert others == sum(group.state == "ok" for group in each.complete if group is not each.head)


def test_a_row_of_the_accuracies_has_a_pgr_exactly_where_the_state_is_ok() -> None:
    for each in all_findings():
        groups = {f"m{group.method_index}": group for group in each.groups}
        for line in each.lines:
            group = groups.get(line.lane.id)
            ok = group is not None and group.state == "ok"
            assert bool(line.pgr) == ok
            if group and not ok:
                assert line.pgr_interval == group.state


def test_a_stop_rule_has_a_pgr_exactly_where_its_own_state_is_ok() -> None:
    looked = 0
    for each in all_findings():
        states = [stop.state for group in each.complete if group.stops for stop in (group.stops.selected, group.stops.hindsight)]
        lines = [line for _, rules, _ in each.stops for line in rules if line.rule in ("Best on validation", "Hindsight")]
        if len(states) == len(lines):
            looked += len(lines)
            assert [bool(line.pgr) for line in lines] == [state == "ok" for state in states]
    assert looked > 10


def test_over_all_pairs_a_cell_has_a_pgr_exactly_where_its_state_is_ok() -> None:
    for random, result in both():
        over = Overview(random.spec, result)
        for (index, line), spec in zip(enumerate(over.lines), over.grids.values(), strict=True):
            groups = over.of(index)
            ok = [group for group in groups if group.state == "ok"]
            assert (line.resolved, bool(line.pgr)) == (len(ok), bool(ok))
            rows: list[dict[str, Any]] = [row for rows in spec["datasets"].values() for row in rows]
            for group, row in zip(groups, rows, strict=True):
                assert (row["pgr"] is not None) == (bool(row["interval"])) == (group.state == "ok")
                shown = rate_interval(group.pgr, 2) if group.pgr else group.state
                assert shown in (row["interval"], row["label"])


A_SIDE = re.compile(r"([\d.]+) points \[(−?[\d.]+|−∞), (−?[\d.]+|∞)\] (above|below) (?:the|its) supervisor")


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("∞", "inf"))


def test_a_distance_and_its_interval_change_sign_together() -> None:
    """5.7 points [−3.2, 14.5] below, and never [−14.5, 3.2]: the interval contains its estimate."""
    sides = set()
    for each in all_findings():
        for text, estimate in [(each.claim.text, each.head.gap), *((line, each.head.gain) for line in each.further)]:
            for match in A_SIDE.finditer(text):
                distance, low, high = map(number, match.groups()[:3])
                assert estimate is not None
                sign = 1 if match[4] == "above" else -1
                assert low <= distance <= high
                ends = sorted(sign * end for end in (estimate.low, estimate.high) if end is not None)
                expected = [100 * end for end in (sign * estimate.value, *ends)]
                assert [distance, low, high] == pytest.approx(expected, abs=0.051)
                sides.add(match[4])
    assert sides == {"above", "below"}


@pytest.mark.parametrize("text", ["PGR .38  [.28, .48]", "PGR −.05 [−.20, .10]", "it recovers 46% [1, 90]."])
def test_what_is_looked_for_is_what_a_page_writes(text: str) -> None:
    assert A_PGR.search(text)
