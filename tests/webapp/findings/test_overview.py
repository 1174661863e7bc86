"""Over all pairs: the median excludes pairs without PGR and counts them; the mean gain excludes none."""

import pytest

from tests.factories.result_groups import group, incomplete
from training import ExperimentSpec
from training.metrics.results import Group, Result
from webapp.charts.styles import KINDS
from webapp.findings.overview import Overview, names, over_pairs

WEAK = ["bag-of-words", "minilm-l1"]
STRONG = ["minilm-l4", "minilm-l6"]
LOOK = KINDS["naive"]


def spec(weak: list[str] = WEAK, strong: list[str] = STRONG) -> ExperimentSpec:
    return ExperimentSpec.model_validate(
        {"weak": {"models": weak}, "strong": {"models": strong}, "methods": [{"kind": "naive"}, {"kind": "confidence"}]}
    )


def of(weak: str, strong: str, original: Group) -> Group:
    return original.model_copy(update={"weak_model": weak, "strong_model": strong})


def result(*groups: Group) -> Result:
    return Result(test_rows=2000, classes=2, triplets=(), groups=groups, contrasts=())


def four(*ones: Group) -> list[Group]:
    pairs = [(weak, strong) for weak in WEAK for strong in STRONG]
    return [of(*pair, original) for pair, original in zip(pairs, ones, strict=True)]


def test_the_median_is_over_pairs_with_a_pgr_and_the_others_are_counted_by_why() -> None:
    line = over_pairs(
        four(group(student=0.673), group(student=0.725), group(state="unresolved", ceiling=0.67), incomplete()), "Naive", LOOK
    )
    assert (line.pgr, line.pgr_range, line.resolved) == (".30", ".10 to .50", 2)
    assert line.left_out == "1 unresolved and 1 incomplete"


def test_the_mean_gain_is_over_all_pairs_that_have_a_gain() -> None:
    line = over_pairs(
        four(group(student=0.70), group(student=0.72), group(state="inverted", student=0.63), incomplete()), "Naive", LOOK
    )
    assert (line.gain, line.gain_range, line.with_gain) == ("+2.3", "−3.0 to +6.0", 3)


@pytest.mark.parametrize("state", ["unresolved", "inverted", "saturated"])
def test_without_a_resolved_pair_there_is_no_median(state: str) -> None:
    unresolved = group(state=state)  # type: ignore[arg-type]
    line = over_pairs(four(unresolved, unresolved, unresolved, unresolved), "Naive", LOOK)
    assert (line.pgr, line.pgr_range, line.resolved, line.left_out) == ("", "", 0, f"4 {state}")


def test_a_single_pair_has_no_overview() -> None:
    assert not Overview(spec(WEAK[:1], STRONG[:1]), result(group())).any
    assert Overview(spec(), result(*four(group(), group(), group(), group()))).any
    assert not Overview(spec(), result(*four(incomplete(), incomplete(), incomplete(), incomplete()))).any


def test_there_is_a_grid_for_each_method_and_a_ladder_for_each_supervisor() -> None:
    naive = four(group(), group(), group(), group())
    other = four(*[group("confidence", 1, student=0.74)] * 4)
    overview = Overview(spec(), result(*naive, *other))
    assert (list(overview.grids), list(overview.ladders)) == (["grid-0", "grid-1"], ["ladder-0", "ladder-1"])
    chart = overview.chart("grid-1")
    assert chart is not None
    assert chart[1] == other
    assert {row.weak_model for row in (overview.chart("ladder-1") or ({}, []))[1]} == {"minilm-l1"}
    assert overview.chart("grid-2") is None
    assert overview.chart("grid-x") is None


def test_models_whose_short_titles_are_the_same_keep_their_names() -> None:
    assert names(["hub:a/small", "hub:b/small", "minilm-l4"]) == {
        "hub:a/small": "hub:a/small",
        "hub:b/small": "hub:b/small",
        "minilm-l4": "MiniLM L4",
    }
