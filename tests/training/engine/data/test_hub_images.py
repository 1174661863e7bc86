"""Registered data sets of images, published on the Hub of the tests as ``datasets`` writes them, and fetched as any other."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.hub_repositories import Repository
from tests.factories.hub_server import HubServer
from tests.factories.images import made, rows
from training import catalog
from training.catalog.pictured import PICTURED
from training.engine.data import prepare
from training.engine.data.examples import load_examples
from training.engine.data.image_decoding import pixels_of
from training.engine.errors import CorruptData

pytestmark = pytest.mark.usefixtures("cache")
CLASSES = ("dark", "light")


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def split(folder: Path, name: str, listed: list[tuple[str, bytes, int]], image: str, label: str) -> bytes:
    """A split as Parquet, with the features of the data set in its metadata."""
    features = {image: {"_type": "Image"}, label: {"names": list(CLASSES), "_type": "ClassLabel"}}
    table = pa.table(
        {
            image: pa.array([{"bytes": content, "path": path} for path, content, _ in listed]),
            label: pa.array([number for _, _, number in listed], pa.int64()),
        },
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    pq.write_table(table, folder / f"{name}.parquet")
    return (folder / f"{name}.parquet").read_bytes()


def publish(
    hub: HubServer, folder: Path, name: str, columns: tuple[str, str], more: tuple[tuple[str, bytes, int], ...] = ()
) -> str:
    entry = PICTURED[name]
    listed = [(path, content, CLASSES.index(of)) for path, content, of in rows()]
    listed += more
    lines, files = ["---", "license: mit", "configs:", f"- config_name: {entry.config}", "  data_files:"], {}
    for place, part in enumerate(entry.splits):
        files[f"{entry.config}/{part}-00000-of-00001.parquet"] = split(folder, part, listed[place::2], *columns)
        lines += [f"  - split: {part}", f"    path: {entry.config}/{part}-*"]
    repository: Repository = hub.dataset(entry.repository)
    repository.card = {"license": "mit"}
    return repository.commit({"README.md": "\n".join([*lines, "---", "A card."]).encode()} | files)


@pytest.mark.parametrize("name", PICTURED)
def test_images_come_from_the_hub_with_the_names_of_their_classes(
    hub: HubServer, dataset_library: Path, tmp_path: Path, name: str
) -> None:
    columns = PICTURED[name].pictures
    assert columns
    commit = publish(hub, tmp_path, name, columns)
    card = prepare.fetch_registered(name, None, nothing)
    assert (card.classes, card.rows, card.report.classes) == (CLASSES, 120, (60, 60))
    assert (card.licence, card.source.endswith(f"commit {commit[:12]}")) == ("mit", True)
    entry = catalog.dataset(name)
    assert (entry.images, entry.classes) == (True, CLASSES)
    examples = load_examples(name, entry.digest)
    rows_read = pq.read_table(entry.path, columns=["image", "label"]).to_pylist()
    light = [np.asarray(pixels_of(row["image"])).mean() > 125 for row in rows_read]
    assert light == examples.label.astype(bool).tolist()


def test_images_that_cannot_be_read_or_have_no_label_are_left_out_and_counted(
    hub: HubServer, dataset_library: Path, tmp_path: Path
) -> None:
    bad = (("cut.png", made(0, 60)[:90], 0), ("none.png", made(900, 60), -1))
    publish(hub, tmp_path, "cifar10", ("img", "label"), bad)
    report = prepare.fetch_registered("cifar10", None, nothing).report
    assert (report.counts.skipped, report.counts.kept) == (2, 120)
    assert report.images is not None
    assert report.images.broken[0].startswith("The image “cut.png” is damaged or cut short")


def test_a_source_with_other_columns_is_one_sentence(hub: HubServer, dataset_library: Path, tmp_path: Path) -> None:
    publish(hub, tmp_path, "cifar10", ("image", "label"))
    with pytest.raises(CorruptData, match="“uoft-cs/cifar10” on the Hub has no images in a column “img” any more"):
        prepare.fetch_registered("cifar10", None, nothing)
    publish(hub, tmp_path, "cifar10", ("img", "fine"))
    with pytest.raises(CorruptData, match="has no column “label” with named classes any more"):
        prepare.fetch_registered("cifar10", None, nothing)


def test_the_same_images_in_another_order_are_the_same_data_set(hub: HubServer, dataset_library: Path, tmp_path: Path) -> None:
    publish(hub, tmp_path, "tiny-imagenet", ("image", "label"))
    first = prepare.fetch_registered("tiny-imagenet", None, nothing)
    publish(hub, tmp_path, "tiny-imagenet", ("image", "label"), (("again.bmp", made(0, 60, "BMP"), 0),))
    assert prepare.fetch_registered("tiny-imagenet", None, nothing).fingerprint == first.fingerprint
