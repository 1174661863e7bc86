import hashlib
from typing import get_args

import pyarrow.parquet as pq
import pytest

from training import catalog
from training.catalog import Tuning


def test_the_embedded_data_set_is_the_one_the_catalog_describes() -> None:
    entry = catalog.dataset("movie-reviews")
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.digest
    assert pq.ParquetFile(entry.path).metadata.num_rows == entry.rows


@pytest.mark.parametrize("name", catalog.MODELS)
def test_every_model_has_a_learning_rate_for_every_tuning(name: str) -> None:
    entry = catalog.MODELS[name]
    tunings = [tuning for tuning in get_args(Tuning) if tuning not in entry.refused]
    assert {entry.adaptation(tuning) for tuning in tunings} <= set(entry.learning_rates)


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    with pytest.raises(ValueError, match="There are: bag-of-words, minilm-l1"):
        catalog.model("zzz")


def test_a_misspelt_name_of_a_ladder_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean pythia-70m"):
        catalog.model("pythia-70")


@pytest.mark.parametrize("entry", catalog.LADDERS.values(), ids=catalog.LADDERS)
def test_a_ladder_says_all_that_pages_and_estimates_need(entry: catalog.ModelEntry) -> None:
    tunings = [tuning for tuning in get_args(Tuning) if tuning not in entry.refused]
    assert {entry.adaptation(tuning) for tuning in tunings} <= set(entry.learning_rates)
    assert entry.layers
    # Layers have about 12 width² weights, the rest are embeddings: between half and all of a model from 0.1 billion on.
    # Convolutions have other numbers of weights, and images no tokens to count.
    if entry.architecture not in ("resnet", "convnext"):
        assert 0.2 < 12 * entry.layers * entry.width**2 / entry.parameters < 1.5
    assert entry.kind == "vision" or (entry.context or 0) >= 1024
    assert entry.source.count("/") == 1


def test_ladders_rise() -> None:
    for family in {entry.family for entry in catalog.LADDERS.values()}:
        sizes = [entry.parameters for entry in catalog.LADDERS.values() if entry.family == family]
        assert len(set(sizes)) == len(sizes)
