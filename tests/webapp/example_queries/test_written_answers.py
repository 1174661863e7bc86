"""Every number of a view of written answers equals a plain recomputation from prompts, answers and log-probabilities."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factories.example_tables import make_world
from tests.factories.written_tables import KEYS, ROWS, WrittenWorld, make_written_world
from webapp.example_queries.answers import compare
from webapp.example_queries.export import SUFFIXES, Format, write
from webapp.example_queries.refusal import Refused
from webapp.example_queries.view import CELLS, SEATS, View

Included = Callable[[WrittenWorld, int], bool]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> WrittenWorld:
    return make_written_world(tmp_path_factory.mktemp("written"))


def said(world: WrittenWorld, at: int) -> str:
    """All that is searched of an example."""
    return " ".join([world.prompts[at], *world.accepted[at], *(str(seat.text[at]) for seat in world.seats)]).lower()


VIEWS: list[tuple[View, Included]] = [
    (View(), lambda world, at: True),
    (View(cell=(5, 6)), lambda world, at: world.cell(at) in (5, 6)),
    (View(student_log_max=-3), lambda world, at: world.seats[1].log_probability[at] <= -3),
    (
        View(weak_log_min=-2, ceiling_log_min=-4),
        lambda world, at: world.seats[0].log_probability[at] >= -2 and world.seats[2].log_probability[at] >= -4,
    ),
    (View(difficulty_min=1500), lambda world, at: world.seats[0].difficulty[at] >= 1500),
    (View(q="crimson thing"), lambda world, at: "crimson" in said(world, at)),
    (View(q="it is BLACK", mode="phrase"), lambda world, at: "it is black" in said(world, at)),
    (View(q="no idea$", mode="regex"), lambda world, at: any(seat.text[at] == "No idea" for seat in world.seats)),
    (
        View(flip_min=20),
        lambda world, at: not world.agree(at) and str(world.seats[0].answer[at]) != str(world.seats[1].answer[at]),
    ),
]


@pytest.mark.parametrize(
    ("view", "included"), VIEWS, ids=lambda value: value.query() or "everything" if isinstance(value, View) else ""
)
def test_rows_counts_and_shares_are_those_of_a_plain_recomputation(world: WrittenWorld, view: View, included: Included) -> None:
    expected = [at for at in range(ROWS) if included(world, at)]
    assert expected
    with world.slice(view) as selected:
        assert {row.id for row in selected.page(ROWS)} == {int(world.seats[0].id[at]) for at in expected}
        free = range(ROWS) if view.cell else expected
        assert selected.counts.cells == {cell: sum(world.cell(at) == cell for at in free) for cell in CELLS}
        if not view.cell:
            shares = selected.measures
            for seat, answers in zip(SEATS, world.seats, strict=True):
                assert shares.accuracy[seat].value == pytest.approx(np.mean([answers.right[at] for at in expected]))  # type: ignore[union-attr]
            assert shares.agreement.value == pytest.approx(np.mean([world.agree(at) for at in expected]))  # type: ignore[union-attr]
        shown = {name: sum(histogram.shown) for name, histogram in selected.histograms.items()}
        known = sum(not np.isnan(world.seats[0].difficulty[at]) for at in expected)
        assert shown["difficulty"] == (
            known if not view.brushed("difficulty") else np.count_nonzero(~np.isnan(world.seats[0].difficulty))
        )


def test_the_dimensions_are_log_probabilities_difficulty_flip_and_length(world: WrittenWorld) -> None:
    with world.slice(View()) as selected:
        assert list(selected.histograms) == [*(f"{seat}_log" for seat in SEATS), "difficulty", "flip", "length"]
        assert sum(selected.histograms["flip"].all) == sum(
            str(world.seats[0].answer[at]) != str(world.seats[1].answer[at]) for at in range(ROWS)
        )


def test_two_right_answers_that_differ_do_not_agree_so_that_no_cell_sets_the_agreement(world: WrittenWorld) -> None:
    with world.slice(View(cell=(1,))) as selected:
        assert "agreement" not in selected.measures.decided
        at = [at for at in range(ROWS) if world.cell(at) == 1]
        assert selected.measures.agreement.value == pytest.approx(np.mean([world.agree(place) for place in at]))  # type: ignore[union-attr]
        assert selected.measures.agreement.value < 1  # type: ignore[union-attr]
    with world.slice(View(cell=(5,))) as selected:
        assert "agreement" in selected.measures.decided, "a right and a wrong answer are never equal"


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("sure", lambda world, at: -world.seats[1].log_probability[at]),
        ("unsure", lambda world, at: world.seats[1].log_probability[at]),
        ("hardest", lambda world, at: np.nan_to_num(-world.seats[0].difficulty[at], nan=np.inf)),
        ("easiest", lambda world, at: np.nan_to_num(world.seats[0].difficulty[at], nan=np.inf)),
        ("disagreement", lambda world, at: np.inf if world.agree(at) else -world.seats[1].log_probability[at]),
    ],
)
def test_orders_continue_from_page_to_page(world: WrittenWorld, sort: str, key: Callable[[WrittenWorld, int], float]) -> None:
    view = View(sort=sort)
    ids: list[int] = []
    while len(ids) < ROWS:
        with world.slice(view) as selected:
            page = selected.page(50)
        ids += [example.id for example in page[:50]]
        view = view.model_copy(update={"after": page[:50][-1].cursor})
    order = sorted(range(ROWS), key=lambda at: (key(world, at), int(world.seats[0].id[at])))
    assert ids == [int(world.seats[0].id[at]) for at in order]


@pytest.mark.parametrize(
    "view", [View(gold=1), View(weak_min=0.6), View(shift_max=0.5), View(sort="errors")], ids=lambda view: view.query()
)
def test_what_only_labels_have_is_refused_at_its_setting(world: WrittenWorld, view: View) -> None:
    with pytest.raises(Refused, match="written answers") as refused, world.slice(view):
        pass
    assert refused.value.problem.path in view.query()


def test_what_only_written_answers_have_is_refused_for_labels(tmp_path: Path) -> None:
    labelled = make_world(tmp_path)
    for view in (View(sort="sure"), View(student_log_min=-1), View(difficulty_min=1)):
        with pytest.raises(Refused, match="labels"), labelled.slice(view):
            pass


def test_a_data_set_without_difficulty_has_no_axis_and_no_order_for_it(tmp_path: Path) -> None:
    plain = make_written_world(tmp_path, hard=False)
    with plain.slice(View()) as selected:
        assert "difficulty" not in selected.histograms
    with pytest.raises(Refused, match="no difficulty"), plain.slice(View(sort="hardest")):
        pass


def test_labels_and_written_answers_are_never_compared(world: WrittenWorld, tmp_path: Path) -> None:
    labels = make_world(tmp_path).source.store.read_outputs(KEYS[0])
    with pytest.raises(ValueError, match="cannot be compared"):
        compare([world.seats[0], labels, world.seats[2]])


@pytest.mark.parametrize("how", list(SUFFIXES))
def test_an_export_has_prompts_references_answers_and_the_further_columns(
    world: WrittenWorld, how: Format, tmp_path: Path
) -> None:
    target = tmp_path / f"out.{SUFFIXES[how]}"
    with world.slice(View(sort="sure")) as rows:
        write(rows, {int(world.seats[0].id[0]): ["ambiguous"]}, how, target, {"experiment": "#1"})
        expected = [example.id for example in rows.page(ROWS)]
    match how:
        case "parquet":
            rows_read = pq.read_table(target).to_pylist()
        case "jsonl":
            rows_read = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
        case "csv":
            with target.open(encoding="utf-8", newline="") as file:
                rows_read = [row | {"references": json.loads(row["references"])} for row in csv.DictReader(file)]
        case _:
            return
    assert [int(row["id"]) for row in rows_read] == expected
    at = {int(id): place for place, id in enumerate(world.seats[0].id)}
    for row in rows_read:
        place = at[int(row["id"])]
        assert row["text"] == world.prompts[place]
        assert row["references"] == world.accepted[place]
        assert [row[f"{seat}_text"] for seat in SEATS] == [answers.text[place] for answers in world.seats]
        assert (row["themes"], row["data_cell"]) == ("a, b", "x")
        assert int(row["cell"]) == world.cell(place)


def test_cells_and_agreement_can_be_recomputed_from_an_export(world: WrittenWorld, tmp_path: Path) -> None:
    with world.slice(View()) as rows:
        write(rows, {}, "csv", tmp_path / "out.csv", {})
        measures, cells = rows.measures, rows.counts.cells
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows_read = list(csv.DictReader(file))
    right = [[row[f"{seat}_right"] == "True" for seat in SEATS] for row in rows_read]
    counted = Counter(1 + 4 * (not weak) + 2 * (not student) + (not ceiling) for weak, student, ceiling in right)
    assert cells == {cell: counted[cell] for cell in CELLS}
    same = [row["weak_answer"] == row["student_answer"] != "" for row in rows_read]
    assert measures.agreement.value == pytest.approx(np.mean(same))  # type: ignore[union-attr]
