"""Every number of a view equals a plain recomputation from predictions and texts."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.factories.example_tables import World, make_world
from training.metrics.agreement import agreement_of
from training.metrics.intervals import Estimate, measure, proportion
from webapp.example_queries.counts import decided_by
from webapp.example_queries.refusal import Refused
from webapp.example_queries.rows import Labelled
from webapp.example_queries.view import CELLS, SEATS, View


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


VIEWS = [
    View(),
    View(cell=(5,)),
    View(cell=(1, 2, 8), gold=1),
    View(weak_min=0.6, weak_max=0.9),
    View(student_min=0.75, ceiling_max=0.95, shift_min=0.1, shift_max=0.6),
    View(length_min=3, length_max=6, gold=0),
    View(flip_min=10, flip_max=20),
    View(q="good MOVIE"),
    View(q="great dull", mode="phrase"),
    View(q="ÉTÉ", mode="phrase"),
    View(q="not", cell=(3, 4, 5, 6), student_min=0.6),
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.query() or "everything")
def test_rows_counts_and_histograms_are_those_of_a_plain_recomputation(world: World, view: View) -> None:
    expected = world.expected(view)
    with world.slice(view) as selected:
        rows = selected.page(ROWS_AT_ONCE)
        assert {row.id for row in rows} == {int(world.ids[at]) for at in expected}
        assert selected.rows == len(expected)
        ignoring_cell = world.expected(view.but(cell=()))
        assert selected.counts.cells == {cell: sum(world.cell(at) == cell for at in ignoring_cell) for cell in CELLS}
        for name, histogram in selected.histograms.items():
            free = world.expected(view.but(**{f"{name}_min": None, f"{name}_max": None}))
            known = [at for at in free if name != "flip" or world.flip(at) is not None]
            assert sum(histogram.shown) == len(known)
            assert sum(histogram.all) >= sum(histogram.shown)


ROWS_AT_ONCE = 10_000


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.query() or "everything")
def test_accuracies_and_agreement_of_a_slice_have_the_intervals_of_the_library(world: World, view: View) -> None:
    at = world.expected(view)
    right = (world.prob[:, at] > 0.5) == world.gold[at]
    with world.slice(view) as rows:
        measures = rows.measures
    assert len(np.unique(world.group[at])) >= 2, "this view is too narrow to have an interval"
    spread = measure(right[:, None], world.group[at])
    agreement = agreement_of(right[0:1], right[0:1] == right[1:2], world.group[at])
    library = {seat: proportion(spread, np.eye(3)[index].tolist()) for index, seat in enumerate(SEATS)} | {
        "agreement": agreement.overall,
        "agreement_right": agreement.supervisor_right,
        "agreement_wrong": agreement.supervisor_wrong,
    }
    slice_ = measures.accuracy | {name: getattr(measures, name) for name in list(library)[3:]}
    for name, estimate in library.items():
        expected = None if name in measures.decided else estimate
        assert ends(slice_[name]) == pytest.approx(ends(expected)), name


WITH_TWO_CLASSES = {
    (): set(),
    (5, 6): {"weak", "student", "agreement", "agreement_wrong"},
    (5,): {"weak", "student", "ceiling", "agreement", "agreement_wrong"},
    (1, 2, 3, 4): {"weak"},
    (1, 2, 7, 8): {"agreement", "agreement_right", "agreement_wrong"},
    (1, 5): {"student", "ceiling", "agreement_right", "agreement_wrong"},
    (7,): {"weak", "student", "ceiling", "agreement", "agreement_wrong"},
}


@pytest.mark.parametrize("cells", WITH_TWO_CLASSES, ids=str)
def test_what_the_chosen_cells_decide_is_no_estimate(world: World, cells: tuple[int, ...]) -> None:
    with world.slice(View(cell=cells)) as rows:
        measures = rows.measures
    assert measures.decided == (WITH_TWO_CLASSES[cells] if cells else frozenset())
    assert {seat for seat, estimate in measures.accuracy.items() if estimate is None} == measures.decided & set(SEATS)
    for name in measures.decided - set(SEATS):
        assert getattr(measures, name) is None


def test_with_more_classes_two_wrong_answers_may_agree_or_not() -> None:
    assert decided_by((7, 8), 3) == {"weak", "student"}
    assert decided_by((5, 6), 3) == {"weak", "student", "agreement", "agreement_wrong"}


def ends(estimate: Estimate | None) -> tuple[float | None, ...]:
    return (estimate.value, estimate.low, estimate.high) if estimate else ()


def test_a_slice_of_one_group_or_of_nothing_has_no_interval(world: World) -> None:
    alone = next(at for at in range(0, 600, 3) if (world.group == world.group[at]).sum() == 1)
    with world.slice(View(group=int(world.group[alone]))) as rows:
        agreement = rows.measures.agreement
        assert agreement is not None
        assert (rows.rows, agreement.low, agreement.high) == (1, None, None)
    with world.slice(View(q="nowhere to be found")) as rows:
        assert (rows.rows, rows.measures.agreement, rows.page()) == (0, None, [])


@pytest.mark.parametrize("sort", ["disagreement", "corrections", "regressions", "blind", "errors", "length", "id"])
def test_pages_in_every_order_hold_every_row_once_and_in_order(world: World, sort: str) -> None:
    view, seen = View().but(sort=sort), []
    with world.slice(view) as rows:
        whole = rows.page(ROWS_AT_ONCE)
        assert [row.order for row in whole] == sorted((row.order for row in whole), reverse=True)
    while True:
        with world.slice(view) as rows:
            page = rows.page(7)
        seen += page[:7]
        if len(page) <= 7:
            break
        view = view.model_copy(update={"after": page[6].cursor})
        assert View.parse({"after": [view.after]}).after == view.after
    assert seen == whole


def test_the_first_rows_of_an_order_are_what_its_name_says(world: World) -> None:
    with world.slice(View(sort="corrections")) as rows:
        first = rows.page(1)[0]
        assert isinstance(first, Labelled)
        assert first.cell in (5, 6)
        corrected = world.expected(View(cell=(5, 6)))
        assert first.said["student"].confidence == pytest.approx(max(abs(world.prob[1, at] - 0.5) + 0.5 for at in corrected))
    with world.slice(View(sort="blind")) as rows:
        first = rows.page(1)[0]
        assert isinstance(first, Labelled)
        assert first.cell in (3, 4, 7, 8)
        assert first.said["student"].confidence > first.said["weak"].confidence


def test_an_example_knows_its_place_and_its_neighbours_in_the_view(world: World) -> None:
    with world.slice(View(cell=(5, 6, 7))) as selected:
        rows = selected.page(ROWS_AT_ONCE)
        assert [selected.place(rows[at]) for at in (0, 5, len(rows) - 1)] == [0, 5, len(rows) - 1]
        assert selected.neighbours(rows[5]) == (rows[4].id, rows[6].id)
        assert selected.neighbours(rows[0]) == (None, rows[1].id)
        assert selected.neighbours(rows[-1]) == (rows[-2].id, None)
        assert selected.holds(rows[3])
    with world.slice(View(cell=(1,))) as selected:
        assert not selected.holds(rows[3])


def test_tags_narrow_a_view_to_the_examples_that_have_them_all(world: World) -> None:
    test = [int(world.ids[at]) for at in range(0, 600, 3)]
    with world.slice(View(), test[:10], test[5:20]) as rows:
        assert {row.id for row in rows.page()} == set(test[5:10])


def test_locked_rows_are_in_no_table_and_cannot_be_asked_for(world: World) -> None:
    locked = {int(world.ids[at]) for at in range(2, 600, 3)}
    for split in ("test", "transfer"):
        with world.base.open(replace(world.source, split=split)) as (cursor, _):
            ids = {row[0] for row in cursor.execute("SELECT id FROM examples").fetchall()}
            assert len(ids) == 200
            assert not ids & locked
    with pytest.raises(ValueError, match="locked"):
        View.parse({"split": ["locked"]})
    with world.slice(View()) as rows:
        assert rows.example(next(iter(locked))) is None


def test_transfer_rows_have_no_moment_of_a_flip(world: World) -> None:
    with world.base.open(replace(world.source, split="transfer")) as (cursor, _):
        assert cursor.execute("SELECT count(flip) FROM examples").fetchall() == [(0,)]


@pytest.mark.parametrize("expression", ["(", "a{2000}{2000}", "(?<=x)y", r"(a)\1", "(" * 150])
def test_an_expression_that_cannot_be_searched_for_is_refused_with_a_sentence(world: World, expression: str) -> None:
    with pytest.raises(Refused, match="not a regular expression"), world.slice(View(q=expression, mode="regex")):
        pass


def test_an_expression_that_explodes_elsewhere_is_linear_here(world: World, tmp_path: Path) -> None:
    trap = make_world(tmp_path, texts=["a" * 100_000] * 30)
    with trap.slice(View(q="(a+)+$b", mode="regex")) as rows:
        assert rows.rows == 0
    with trap.slice(View(q="(a|aa)+Z|(a*)*Q", mode="regex")) as rows:
        assert rows.rows == 0


def test_what_was_searched_is_marked_and_long_texts_begin_near_it(tmp_path: Path) -> None:
    world = make_world(tmp_path, texts=["x" * 900 + " Needle " + "y" * 900])
    with world.slice(View(q="needle")) as rows:
        row = rows.page()[0].row
        (pieces, other) = rows.texts([row])[row]
        assert other is None
        assert (True, "Needle") in pieces
        assert len("".join(text for _, text in pieces)) < 800
        whole = rows.texts([row], whole=True)[row][0]
        assert "".join(text for _, text in whole) == world.texts[0]


def test_many_readers_at_once_get_what_one_alone_gets(world: World) -> None:
    wrong: list[object] = []

    def read(view: View) -> None:
        for _ in range(5):
            with world.slice(view) as rows:
                got = {row.id for row in rows.page(ROWS_AT_ONCE)}
            if got != {int(world.ids[at]) for at in world.expected(view)}:
                wrong.append(view)

    threads = [threading.Thread(target=read, args=(view,)) for view in VIEWS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_files_are_made_once_and_a_second_base_reads_them(world: World) -> None:
    with world.slice(View()):
        pass
    made = {path: path.stat().st_mtime_ns for path in world.base.folder.rglob("*.duckdb")}
    again = replace(world, base=type(world.base)(world.base.folder, "256MB", 1))
    with again.slice(View(q="good")) as rows:
        assert rows.rows
    assert {path: path.stat().st_mtime_ns for path in world.base.folder.rglob("*.duckdb")} == made
    assert not list(world.base.folder.rglob("*.parquet"))


def test_every_dimension_has_a_histogram(world: World) -> None:
    with world.slice(View()) as rows:
        assert list(rows.histograms) == [*SEATS, "shift", "flip", "length"]
