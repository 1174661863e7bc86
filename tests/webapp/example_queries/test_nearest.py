"""The nearest examples in a feature file, and the place of that file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training import ExperimentSpec, Store, make_plan
from webapp.example_queries.nearest import features_of, nearest, singles


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    """Features, data set, ids and vectors: ids are in no order, as rows of a file may be."""
    rng = np.random.default_rng(3)
    ids, vectors = rng.permutation(50).astype(np.int64), rng.normal(size=(50, 6)).astype(np.float32)
    np.save(tmp_path / "features.npy", vectors)
    pq.write_table(pa.table({"id": ids}), tmp_path / "examples.parquet")
    return tmp_path / "features.npy", tmp_path / "examples.parquet", ids, vectors


def test_the_nearest_are_those_with_the_largest_cosine_among_the_candidates(
    files: tuple[Path, Path, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.example_queries.nearest.BLOCK", 7)
    features, dataset, ids, vectors = files
    own = vectors[ids == 4][0]
    cosine = {
        int(candidate): float(vector @ own / np.linalg.norm(vector) / np.linalg.norm(own))
        for candidate, vector in zip(ids, vectors, strict=True)
    }
    among = np.arange(10, 40)
    neighbours = nearest(features, dataset, 4, among, 5)
    assert [near.id for near in neighbours] == sorted(among.tolist(), key=lambda candidate: -cosine[candidate])[:5]
    assert [near.likeness for near in neighbours] == pytest.approx([cosine[near.id] for near in neighbours], abs=1e-5)


def test_every_finite_number_in_half_precision_has_its_exact_value_in_single_precision() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    converted = singles(halves)
    assert converted.dtype == np.float32
    np.testing.assert_array_equal(converted.astype(np.float64), halves.astype(np.float64))


def test_an_example_that_is_not_there_is_not_looked_for(files: tuple[Path, Path, np.ndarray, np.ndarray]) -> None:
    features, dataset, _, _ = files
    with pytest.raises(LookupError):
        nearest(features, dataset, 999, np.arange(10))
    assert nearest(features, dataset, 4, np.array([], np.int64)) == []


def test_the_features_of_a_probe_are_found_by_its_model_and_no_others(tmp_path: Path) -> None:
    plan, store = make_plan(ExperimentSpec()), Store(tmp_path)
    run = plan.runs[plan.triplets[0].student]
    assert features_of(run, store) is None
    store.features.mkdir(parents=True)
    own = store.features_file(run, 4, "mean", "fp32")
    others = [(2, "mean", "fp32", "a"), (4, "cls", "fp32", "a"), (4, "mean", "bf16", "a"), (4, "mean", "fp32", "b")]
    for path in (own, *(store.features_file(run, *other) for other in others)):
        path.touch()
    assert features_of(run, store) == own
    assert features_of(plan.runs[plan.triplets[0].weak], store) is None
    half = run.model_copy(update={"precision": "bf16"})
    assert features_of(half, store) == store.features_file(run, 4, "mean", "bf16")


def test_features_that_a_gpu_computed_are_found_too(tmp_path: Path) -> None:
    plan, store = make_plan(ExperimentSpec()), Store(tmp_path)
    run = plan.runs[plan.triplets[0].student]
    store.features.mkdir(parents=True)
    computed = store.features_file(run, 4, "mean", "bf16")
    computed.touch()
    assert run.precision == "auto"
    assert features_of(run, store) == computed
