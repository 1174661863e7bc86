"""Every registered data set, laid out in a folder as on the Hub, through ``datasets`` to splits; and what cannot be fetched."""

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.runs import make_run
from tests.factories.source_rows import ROWS
from training import catalog
from training.catalog import library
from training.catalog.registry import REGISTERED
from training.engine.data import fetch, prepare
from training.engine.data.examples import load_examples
from training.engine.data.families import CONVERSIONS
from training.engine.data.split import Rows, Split, split_for
from training.engine.errors import CorruptData
from training.spec import RunSpec


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def mirror(folder: Path, name: str, shuffled: int = 0) -> Path:
    """The fixture rows of ``name`` laid out as on the Hub: Parquet files by configuration and split, and a card."""
    entry, rows = REGISTERED[name], list(ROWS[name])
    if shuffled:
        random.Random(shuffled).shuffle(rows)
    lines = ["---", "configs:", f"- config_name: {entry.config}", "  data_files:"]
    for index, split in enumerate(entry.splits):
        path = folder / entry.config / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows[index :: len(entry.splits)]), path)
        lines += [f"  - split: {split}", f"    path: {entry.config}/{split}-*.parquet"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the cache of ``datasets`` into the test's folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_every_conversion_is_registered_and_the_other_way_round() -> None:
    assert set(REGISTERED) == set(CONVERSIONS)


@pytest.mark.parametrize("name", REGISTERED)
def test_a_registered_data_set_comes_through_to_balanced_grouped_splits(tmp_path: Path, dataset_library: Path, name: str) -> None:
    card = prepare.fetch_registered(name, mirror(tmp_path / "one", name), nothing)
    entry = catalog.dataset(name)
    assert (entry.rows, entry.digest, entry.classes) == (card.rows, card.fingerprint, REGISTERED[name].classes)
    examples = load_examples(name, entry.digest)
    counts = Counter(examples.label.tolist())
    assert set(counts) == {0, 1}
    assert max(counts.values()) <= 0.55 * len(examples) or max(counts.values()) - min(counts.values()) <= 1
    for split in splits(make_run(dataset=name, fingerprint=entry.digest), examples.group):
        assert sorted(np.concatenate(list(split.parts.values()))) == list(range(len(examples)))

    again = prepare.fetch_registered(name, mirror(tmp_path / "other", name, shuffled=7), nothing)
    assert again.fingerprint == card.fingerprint
    assert sorted(path.suffix for path in dataset_library.iterdir()) == [".json", ".parquet"]


def splits(run: RunSpec, group: Rows) -> Iterator[Split]:
    """Three splits, which refuse leaks themselves. So few rows fill the parts with few seeds only."""
    whole = run.model_copy(update={"locked_fraction": 0.0, "validation_fraction": 0.0, "stop": "last"})
    count = 0
    for seed in range(200):
        with contextlib.suppress(CorruptData):
            yield split_for(whole.model_copy(update={"split_seed": seed, "seed": seed}), group)
            count += 1
        if count == 3:
            return
    raise AssertionError(f"no three seeds split {len(np.unique(group))} groups")


def test_a_folder_without_a_card_is_read_too(tmp_path: Path, dataset_library: Path) -> None:
    folder = mirror(tmp_path / "one", "boolq")
    (folder / "README.md").unlink()
    assert prepare.fetch_registered("boolq", folder, nothing).rows > 0


def test_a_folder_that_is_not_there_or_holds_something_else_is_one_sentence(tmp_path: Path, dataset_library: Path) -> None:
    with pytest.raises(CorruptData, match="There is no folder"):
        prepare.fetch_registered("boolq", tmp_path / "none", nothing)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorruptData, match="cannot be read as google/boolq"):
        prepare.fetch_registered("boolq", tmp_path / "empty", nothing)
    with pytest.raises(CorruptData, match="Row 1 of “cola” does not have the columns"):
        prepare.fetch_registered("cola", _as(mirror(tmp_path / "other", "boolq")), nothing)
    assert list(dataset_library.iterdir()) == []


def _as(folder: Path) -> Path:
    card = folder / "README.md"
    card.write_text(card.read_text().replace("config_name: default", "config_name: cola"))
    return folder


def test_a_name_that_is_not_registered_is_answered_with_the_nearest(dataset_library: Path) -> None:
    with pytest.raises(ValueError, match="Did you mean boolq"):
        prepare.fetch_registered("bool", None, nothing)


class Gated(Exception):
    """Return an error as the Hub's client raises it."""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ConnectionError("Couldn't reach the Hub"), "The Hub cannot be reached, and “google/boolq” is not on this machine."),
        (
            datasets.exceptions.DatasetNotFoundError("Dataset 'google/boolq' is a gated dataset on the Hub. Visit the page"),
            "“google/boolq” is gated: accept its terms on the Hub, and set HF_TOKEN to a token of that account.",
        ),
        (
            datasets.exceptions.DatasetNotFoundError("Dataset 'google/boolq' doesn't exist on the Hub or cannot be accessed."),
            "There is no data set “google/boolq” on the Hub that HF_TOKEN, or nobody, may read.",
        ),
        (ValueError("Unknown split 'train'.\nShould be one of"), "“google/boolq” cannot be loaded: Unknown split 'train'."),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    dataset_library: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(CorruptData) as caught:
        prepare.fetch_registered("boolq", None, nothing)
    assert str(caught.value) == sentence


def test_without_a_connection_what_is_not_on_this_machine_is_one_sentence(dataset_library: Path) -> None:
    with pytest.raises(CorruptData) as caught:  # the tests run with HF_HUB_OFFLINE set
        prepare.fetch_registered("boolq", None, nothing)
    assert "“google/boolq” is not on this machine." in str(caught.value)


def test_a_script_data_set_is_read_from_the_branch_that_the_hub_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[tuple[Any, ...]] = []

    def load(*arguments: Any, **options: Any) -> Any:
        requests.append((*arguments, options))
        return datasets.Dataset.from_list([{"a": 1}])

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setenv("HF_TOKEN", "from the environment")
    source = fetch.load(REGISTERED["piqa"], None)
    assert source.total == 2
    assert requests[0] == (
        "ybisk/piqa",
        {
            "data_files": {"train": "default/train/*.parquet"},
            "revision": "refs/convert/parquet",
            "split": "train",
            "token": "from the environment",
        },
    )


def test_a_data_set_is_loaded_at_the_commit_that_its_card_names_with_the_licence_that_the_hub_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests: list[Any] = []

    def load(*_: Any, revision: str, **__: Any) -> list[Any]:
        requests.append(revision)
        return [{}]

    monkeypatch.setattr(datasets, "load_dataset", load)
    info = SimpleNamespace(sha="c0ffee" * 7, card_data=SimpleNamespace(license=["cc-by-sa-3.0"]))
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: info)
    source = fetch.load(REGISTERED["boolq"], None)
    assert requests == ["c0ffee" * 7] * 2
    assert (source.licence, source.where) == ("cc-by-sa-3.0", "google/boolq on the Hub, commit c0ffeec0ffee")


def test_fetching_again_takes_what_is_new_and_a_planned_run_keeps_what_it_was_planned_with(
    tmp_path: Path, dataset_library: Path
) -> None:
    first = prepare.fetch_registered("cola", mirror(tmp_path / "one", "cola"), nothing)
    ROWS["cola"].append({"sentence": "a new sentence that is all right", "label": 1, "idx": 99})
    try:
        second = prepare.fetch_registered("cola", mirror(tmp_path / "two", "cola"), nothing)
    finally:
        ROWS["cola"].pop()
    assert second.fingerprint != first.fingerprint
    assert len(load_examples("cola", first.fingerprint)) == first.rows
    assert library.file_of(second.fingerprint).exists()
