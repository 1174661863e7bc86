"""The plane of a data set's features: what it is, what it costs in memory, and that a rectangle of it is a filter."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.example_tables import ROWS, World, make_world
from training import ExperimentSpec, Store, make_plan
from webapp.example_queries import projection
from webapp.example_queries.projection import build_plane, project, projected_of
from webapp.example_queries.view import View


def features(path: Path, rows: int = 500, width: int = 12, seed: int = 1) -> np.ndarray:
    """Far from 0 and wider in some directions than in others, as features are; saved at ``path``."""
    rng = np.random.default_rng(seed)
    turn = np.diag(np.arange(1, width + 1)) @ rng.normal(size=(width, width))
    made = (rng.normal(size=(rows, width)) @ turn + 100).astype(np.float32)
    np.save(path, made)
    return made


def by_svd(made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = made.astype(np.float64) - made.mean(axis=0, dtype=np.float64)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * size[:2], (size**2 / (size**2).sum())[:2]


def test_the_plane_is_that_of_a_singular_value_decomposition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "BLOCK", 12 * 70)
    made = features(tmp_path / "a.npy")
    plane, (place, share) = project((tmp_path / "a.npy",)), by_svd(made)
    sign = np.sign((plane.place * place).sum(axis=0))
    assert plane.place == pytest.approx(place * sign, abs=1e-3 * float(np.abs(place).max()))
    assert plane.share == pytest.approx(share, rel=1e-4)


def test_of_pairs_it_is_that_of_the_differences(tmp_path: Path) -> None:
    first, other = features(tmp_path / "a.npy", seed=1), features(tmp_path / "a-b.npy", seed=2)
    np.save(tmp_path / "less.npy", first - other)
    plane = project((tmp_path / "a.npy", tmp_path / "a-b.npy"))
    assert np.array_equal(plane.place, project((tmp_path / "less.npy",)).place)


@pytest.mark.parametrize("seed", range(6))
def test_an_axis_points_to_where_its_largest_entry_is_positive(tmp_path: Path, seed: int) -> None:
    made = features(tmp_path / "a.npy", seed=seed).astype(np.float64)
    axes = np.linalg.lstsq(made - made.mean(axis=0), project((tmp_path / "a.npy",)).place, rcond=None)[0]
    assert (axes[np.abs(axes).argmax(axis=0), [0, 1]] > 0).all()


def test_a_block_of_rows_is_in_memory_at_once_and_every_row_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "BLOCK", 12 * 70)
    made = features(tmp_path / "a.npy")
    read = list(projection.blocks((tmp_path / "a.npy",)))
    assert [len(block) for block in read] == [70] * 7 + [10]
    assert np.array_equal(np.concatenate(read), made)
    assert all(block.base is None for block in read), "what is read has let go of the file"


def test_features_that_vary_in_nothing_or_are_not_finite(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.ones((5, 3), np.float32))
    assert not project((tmp_path / "flat.npy",)).share.any()
    np.save(tmp_path / "wrong.npy", np.array([[1, np.inf], [2, 3]], np.float32))
    with pytest.raises(ValueError, match="not finite"):
        project((tmp_path / "wrong.npy",))


def test_places_are_found_by_id_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).permutation(500)
    features(tmp_path / "a.npy")
    pq.write_table(pa.table({"id": ids}), tmp_path / "examples.parquet")
    build_plane((tmp_path / "a.npy",), tmp_path / "examples.parquet", tmp_path / "plane.duckdb", "256MB", 1)
    with duckdb.connect(str(tmp_path / "plane.duckdb"), read_only=True) as connection:
        actual = connection.execute("SELECT x, y FROM plane ORDER BY row").fetchnumpy()
    assert np.array_equal(np.column_stack([actual["x"], actual["y"]])[ids], project((tmp_path / "a.npy",)).place)
    pq.write_table(pa.table({"id": ids[1:]}), tmp_path / "examples.parquet")
    with pytest.raises(ValueError, match="other examples"):
        build_plane((tmp_path / "a.npy",), tmp_path / "examples.parquet", tmp_path / "plane.duckdb", "256MB", 1)


def test_it_is_made_from_the_features_of_a_probe_and_of_pairs_from_both(tmp_path: Path) -> None:
    plan, store = make_plan(ExperimentSpec()), Store(tmp_path)
    run = plan.runs[plan.triplets[0].student]
    single, pairs = tmp_path / "single.parquet", tmp_path / "pairs.parquet"
    pq.write_table(pa.table({"id": [1], "text": ["a"]}), single)
    pq.write_table(pa.table({"id": [1], "text": ["a"], "text_b": ["b"]}), pairs)
    assert projected_of(run, store, single) == ()
    store.features.mkdir(parents=True)
    name = f"{run.digest[:16]}-4-{run.fingerprint[:16]}-{run.max_tokens}-{run.engine}"
    first, other = store.features / f"{name}.npy", store.features / f"{name}-b.npy"
    first.touch()
    assert projected_of(run, store, single) == (first,)
    assert projected_of(run, store, pairs) == ()
    other.touch()
    assert projected_of(run, store, pairs) == (first, other)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, np.ndarray]:
    """A world with a map, and the place of each example on it."""
    folder = tmp_path_factory.mktemp("world")
    world = make_world(folder)
    features(folder / "a.npy", ROWS)
    world.source = replace(world.source, projected=(folder / "a.npy",))
    return world, project((folder / "a.npy",)).place


RECTANGLES = [
    View(x_min=-50.0),
    View(x_min=-60.0, x_max=60.0, y_min=-40.0, y_max=40.0),
    View(y_max=0.0, cell=(1, 5, 6), gold=1),
    View(x_max=10.0, q="good", weak_min=0.7),
]


@pytest.mark.parametrize("view", RECTANGLES, ids=View.query)
def test_a_rectangle_is_a_filter_like_every_other(mapped: tuple[World, np.ndarray], view: View) -> None:
    world, place = mapped
    ends = [(view.x_min, view.x_max), (view.y_min, view.y_max)]
    low, high = (np.array([far if end[at] is None else end[at] for end in ends]) for at, far in ((0, -np.inf), (1, np.inf)))
    inside = np.all((place >= low) & (place <= high), axis=1)
    rest = world.expected(view)
    with world.slice(view) as rows:
        assert {example.id for example in rows.page(ROWS)} == set(world.ids[rest[inside[rest]]].tolist())
        assert 0 < rows.rows < len(rest)
        assert sum(rows.spread().values()) == len(rest), "the map ignores its own rectangle"
        assert {point.id for point in rows.points(ROWS, 10)} == set(world.ids[rest].tolist())


def test_points_are_where_the_features_are_and_say_how_their_texts_begin(mapped: tuple[World, np.ndarray]) -> None:
    world, place = mapped
    with world.slice(View()) as rows:
        for point in rows.points(20, 5):
            at = int(np.flatnonzero(world.ids == point.id)[0])
            assert (point.x, point.y) == (place[at, 0], place[at, 1])
            assert (point.cell, point.text) == (world.cell(at), world.texts[at][:5])


def test_a_sample_is_the_same_again_and_stays_while_filters_change(mapped: tuple[World, np.ndarray]) -> None:
    world, _ = mapped
    with world.slice(View()) as rows, world.slice(View(gold=1)) as other:
        first = rows.points(40, 0)
        assert first == rows.points(40, 0)
        assert len(first) == 40
        remaining = [point.id for point in first if world.gold[world.ids == point.id][0] == 1]
        assert [point.id for point in other.points(40, 0)][: len(remaining)] == remaining
        shares = np.searchsorted(world.ids, [point.id for point in first]) / ROWS
        assert 0.3 < shares.mean() < 0.7, "a sample of the whole table"


def test_the_frame_holds_almost_all_rows_of_the_data_set(mapped: tuple[World, np.ndarray]) -> None:
    world, place = mapped
    with world.slice(View()) as rows:
        frame = rows.frame
    inside = ((place >= frame.low) & (place <= frame.high)).all(axis=1)
    assert 0.99 < inside.mean() < 1
    assert 0 < frame.share[1] < frame.share[0] < 1


def test_a_map_is_made_before_the_page_waits_no_longer_like_the_other_files(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    features(tmp_path / "a.npy", ROWS)
    assert world.base.ready(world.source, 60)
    assert not list(tmp_path.glob("cache/planes/*.duckdb"))
    assert world.base.ready(replace(world.source, projected=(tmp_path / "a.npy",)), 60)
    assert len(list(tmp_path.glob("cache/planes/*.duckdb"))) == 1
