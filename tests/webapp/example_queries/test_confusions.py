"""Confusions of a view equal a recount in plain Python."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.factories.example_tables import World, make_world, three_classes
from webapp.example_queries.confusions import Confusions, confusions_of
from webapp.example_queries.refusal import Refused
from webapp.example_queries.view import View


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return three_classes(tmp_path_factory.mktemp("world"))


def confusions(world: World, view: View) -> Confusions:
    with world.slice(view) as rows:
        return confusions_of(rows)


@pytest.mark.parametrize("view", [View(), View(q="good"), View(gold=2)], ids=lambda view: view.query() or "everything")
def test_pairs_and_classes_are_those_of_a_recount(world: World, view: View) -> None:
    labels = world.prob.argmax(2)
    rows = [at for at in range(len(world.ids)) if world.split[at] == view.split and view.q in world.texts[at].lower()]
    rows = [at for at in rows if view.gold in (None, world.gold[at])]
    actual = confusions(world, view)
    for pairs, seat in ((actual.weak, 0), (actual.student, 1)):
        numbers = Counter((world.gold[at], labels[seat, at]) for at in rows if labels[seat, at] != world.gold[at])
        both = Counter((world.gold[at], labels[seat, at]) for at in rows if labels[0, at] == labels[1, at] != world.gold[at])
        assert len(pairs) == len(numbers)
        assert [pair.number for pair in pairs] == sorted(numbers.values(), reverse=True)
        for pair in pairs:
            key = pair.gold, pair.label
            of_gold = sum(world.gold[at] == pair.gold for at in rows)
            assert (pair.number, pair.shared, pair.of_gold) == (numbers[key], both[key], of_gold)
    for counts in actual.classes:
        of_class = [at for at in rows if world.gold[at] == counts.gold]
        right = [sum(labels[seat, at] == counts.gold for at in of_class) for seat in range(3)]
        assert [counts.rows, counts.weak, counts.student, counts.ceiling] == [len(of_class), *right]
        copied = sum(labels[0, at] != counts.gold and labels[0, at] == labels[1, at] for at in of_class)
        assert (counts.copied, counts.errors) == (copied, len(of_class) - right[0])
        assert counts.gain == pytest.approx((right[1] - right[0]) / len(of_class))


def test_a_confusion_selects_its_examples_and_their_accuracy_is_set_by_the_filter(world: World) -> None:
    pair = confusions(world, View()).student[0]
    with world.slice(View(gold=pair.gold, student_label=pair.label)) as rows:
        assert rows.rows == pair.number
        assert rows.measures.accuracy["student"] is None
        assert rows.measures.decided == {"student"}
        assert rows.measures.accuracy["weak"] is not None
    with world.slice(View(weak_label=pair.label, student_label=pair.label)) as rows:
        assert rows.measures.decided == {"agreement", "agreement_right", "agreement_wrong"}
        labels = world.prob.argmax(2)
        expected = (labels[:2] == pair.label).all(0) & (world.split == "test")
        assert rows.rows == np.count_nonzero(expected)


def test_pairs_are_bounded_and_classes_are_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.example_queries.confusions.MOST", 2)
    actual = confusions(world, View(q="bad"))
    assert (len(actual.weak), len(actual.student), len(actual.classes)) == (2, 2, 3)


def test_columns_of_bytes_mean_names_and_no_words(tmp_path: Path) -> None:
    world = make_world(tmp_path, features=True)
    with world.slice(View()) as rows:
        assert not rows.about.worded
        assert "length" not in rows.histograms
    for view in (View(sort="length"), View(length_min=1)):
        with pytest.raises(Refused, match="no texts"), world.slice(view):
            pass
