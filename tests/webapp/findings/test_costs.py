"""Costs of labels: the labels of each method are counted, and the best at each cost is matched by nothing cheaper."""

import pytest

from tests.factories.experiments import spec
from training.metrics.results import Group
from training.planning.estimates import rows_of
from training.spec.methods import Anchored, EasyToHard, Method, Mixed, Naive, Sequential
from webapp.findings.costs import labels_of, offers


@pytest.mark.parametrize(
    ("method", "counts"),
    [
        (Naive(), (1000, 0)),
        (Mixed(fraction=0.25), (750, 250)),
        (Mixed(fraction=0.25, rest="random"), (0, 250)),
        (Anchored(fraction=0.1), (900, 100)),
        (Sequential(fraction=0.1), (1000, 100)),
        (EasyToHard(), None),
    ],
)
def test_labels_are_counted_as_each_method_reads_them(method: Method, counts: tuple[int, int] | None) -> None:
    assert labels_of(method, 1000) == counts


def group(index: int, student: float) -> Group:
    def accuracy(value: float) -> dict[str, object]:
        return {"value": value, "low": value - 0.02, "high": value + 0.02, "per_seed": [value]}

    about = {"weak_model": "bag-of-words", "strong_model": "minilm-l4", "method": "some", "method_index": index}
    rest = {"seeds": [0], "missing": [], "provisional": False, "single_seed": True, "state": "ok", "reason": ""}
    return Group.model_validate({**about, **rest, "student": accuracy(student), "ceiling": accuracy(0.8)})


def test_the_best_at_each_cost_is_what_nothing_cheaper_matches() -> None:
    methods = [{"kind": "naive"}, {"kind": "mixed", "fraction": 0.5}, {"kind": "sequential", "fraction": 0.25}]
    mixed = spec(methods=methods)
    half = rows_of(mixed.data.name, mixed.data, "B")
    rows = half.train + half.validation
    points = offers(mixed, [group(0, 0.70), group(1, 0.71), group(2, 0.73)], weak_cost=0.2)
    assert [point.title for point in points] == ["Naive", "Weak then true labels", "Mixed with ground truth", "Ceiling"]
    assert [point.best for point in points] == [True, True, False, True]
    assert points[0].cost == pytest.approx(0.2 * rows)
    assert points[1].cost == pytest.approx(0.2 * rows + round(0.25 * rows))
    assert points[-1].cost == rows


def test_without_a_method_that_mixes_there_is_no_frontier() -> None:
    assert offers(spec(methods=[{"kind": "naive"}]), [group(0, 0.7)]) == []
