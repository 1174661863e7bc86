"""Every registered data set, laid out in a folder as on the Hub, through ``datasets`` to splits; and what cannot be fetched."""

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.hub_datasets import parquet, publish
from tests.factories.hub_server import HubServer
from tests.factories.runs import make_run
from tests.factories.source_rows import ROWS
from training import catalog
from training.catalog import library
from training.catalog.registry import LABELLED as REGISTERED
from training.cli.main import main
from training.engine import hub_download
from training.engine.data import fetch, prepare
from training.engine.data.examples import load_examples
from training.engine.data.families import CONVERSIONS
from training.engine.data.split import Rows, Split, split_for
from training.engine.errors import CorruptData, Stopped
from training.spec import RunSpec

pytestmark = pytest.mark.usefixtures("cache")


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


def test_every_conversion_is_registered_and_the_other_way_round() -> None:
    assert set(REGISTERED) == set(CONVERSIONS)


@pytest.mark.parametrize("name", REGISTERED)
def test_a_registered_data_set_comes_from_the_hub_or_a_folder_to_balanced_grouped_splits(
    hub: HubServer, tmp_path: Path, dataset_library: Path, name: str
) -> None:
    _, commit = publish(hub, name, ROWS[name])
    card = prepare.fetch_registered(name, None, nothing)
    assert (card.licence, card.source.partition(" on the Hub")[0]) == ("cc-by-sa-3.0", REGISTERED[name].repository)
    assert card.source.endswith(f"commit {commit[:12]}")
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


def test_without_a_connection_what_is_not_on_this_machine_is_one_sentence(dataset_library: Path) -> None:
    with pytest.raises(CorruptData) as caught:  # the tests run with HF_HUB_OFFLINE set
        prepare.fetch_registered("boolq", None, nothing)
    assert "“google/boolq” is not on this machine." in str(caught.value)


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


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("gated", "“google/boolq” is gated: accept its licence on the Hub, and set HF_TOKEN to a token of that account."),
        ("not there", "There is no data set “google/boolq” on the Hub that HF_TOKEN, or nobody, may read."),
        ("invalid token", "The Hub does not let HF_TOKEN read “google/boolq”: set HF_TOKEN to a valid token with access to it"),
        ("busy", "The Hub has had too many requests (429), and takes the next one in 3,600 seconds."),
        ("busy at the files", "The Hub has had too many requests (429), and takes the next one in 3,600 seconds."),
        ("away", "The Hub cannot be reached, and “google/boolq” is not on this machine."),
        ("down", "The Hub cannot be reached, and “google/boolq” is not on this machine."),
        ("other files", "“google/boolq” cannot be loaded: Unknown split"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence_without_the_token(
    hub: HubServer, dataset_library: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str, said: str
) -> None:
    repository, _ = publish(hub, "boolq", ROWS["boolq"])
    match case:
        case "gated":
            repository.gated = "auto"
        case "not there":
            hub.repositories.clear()
        case "invalid token":
            monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
        case "busy":
            hub.fault(path="boolq", status=429, headers={"Retry-After": "3600"}, times=99)
        case "busy at the files":
            hub.fault(path="/tree/", status=429, headers={"Retry-After": "3600"}, times=99)
        case "away":
            hub.close()
        case "down":
            hub.fault(path="boolq", status=503, times=99)
        case "other files":
            repository.commit({"data/test-0.parquet": parquet(ROWS["boolq"])})
    with caplog.at_level("DEBUG"), pytest.raises(CorruptData) as caught:
        prepare.fetch_registered("boolq", None, nothing)
    assert said in str(caught.value)
    assert "hf_of_nobody" not in str(caught.value) + caplog.text
    assert list(dataset_library.iterdir()) == []


def test_a_data_set_in_the_cache_is_loaded_without_the_hub_and_without_its_files_again(hub: HubServer) -> None:
    publish(hub, "boolq", ROWS["boolq"])
    first = list(fetch.load(REGISTERED["boolq"], None, nothing).rows())
    files = len(hub.received("storage"))
    assert list(fetch.load(REGISTERED["boolq"], None, nothing).rows()) == first
    assert len(hub.received("storage")) == files
    hub.close()
    assert list(fetch.load(REGISTERED["boolq"], None, nothing).rows()) == first


def test_the_files_of_a_data_set_are_downloaded_with_progress_and_a_stop_keeps_their_first_part(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_download, "EVERY_SECONDS", 0)
    monkeypatch.setattr(hub_download, "SILENCE_SECONDS", 0.2)
    _, commit = publish(hub, "piqa", ROWS["piqa"])
    total = sum(len(content) for name, content in hub.dataset("ybisk/piqa").commits[commit].items())
    stuck = hub.fault(server="storage", after=100, cuts=False)
    reports: list[tuple[str, int, int]] = []

    def watch(phase: str, done: int, total: int) -> None:
        reports.append((phase, done, total))
        if stuck.waiting.is_set() and done:
            raise Stopped

    with pytest.raises(Stopped):
        fetch.load(REGISTERED["piqa"], None, watch)
    stuck.goes_on.set()
    assert reports[0] == ("downloading 0000", 0, total)
    source = fetch.load(REGISTERED["piqa"], None, nothing)
    assert (source.total, source.where) == (len(ROWS["piqa"]), f"ybisk/piqa on the Hub, commit {commit[:12]}")
    assert "Range" in hub.received("storage")[1].headers


def test_the_command_reports_the_bytes_of_every_file(
    hub: HubServer, dataset_library: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _, commit = publish(hub, "boolq", ROWS["boolq"])
    sizes = [len(content) for name, content in hub.dataset("google/boolq").commits[commit].items() if name.endswith(".parquet")]
    assert main(["data", "fetch", "boolq"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    reports = [(line["phase"], line["done"], line["total"]) for line in lines if line["kind"] == "progress"]
    assert ("downloading train-00000-of-00001", sizes[0], sum(sizes)) in reports
    assert ("downloading validation-00000-of-00001"[:40], sum(sizes), sum(sizes)) in reports
    assert lines[-1]["card"]["name"] == "boolq"
