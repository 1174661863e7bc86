"""Near copies of images are found among groups, and images that only look a little alike are not."""

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from tests.factories.images import HOW, file_of, folder_of_classes
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import CHECKED_FILE
from training.engine.data.near_images import BITS, difference_hash, near_images
from training.engine.data.prepare import check_file


def scene(number: int, side: int = 120) -> Image.Image:
    """A smooth picture in colours, another one for each number."""
    coarse = np.random.default_rng(number).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def colours(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image, np.float32).reshape(-1, 3) / 255
    return np.concatenate([pixels.mean(0), pixels.std(0)])


def test_a_smaller_or_recompressed_copy_is_near_and_another_picture_is_not() -> None:
    again = Image.open(io.BytesIO(file_of(scene(1), "JPEG", quality=40)))
    pictures = [scene(1), scene(2), again, scene(2).resize((80, 80)), scene(3)]
    hashes = np.array([difference_hash(image) for image in pictures], np.uint64)
    pairs = near_images(hashes, np.stack([colours(image) for image in pictures]), np.arange(5))
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(0, 2), (1, 3)]
    assert near_images(hashes, np.zeros((5, 6), np.float32), np.zeros(5, np.int64)).rows == 0, "one group stays together"


def test_a_plain_ground_has_no_hash() -> None:
    assert difference_hash(Image.new("L", (40, 40), 200)) is None


def test_every_pair_within_the_bound_is_found_and_no_other() -> None:
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**63, 300).astype(np.uint64)
    for row in range(0, 100, 2):  # the next one differs in none to six bits
        flipped = sum(1 << int(bit) for bit in draw.choice(63, row // 2 % 7, replace=False))
        hashes[row + 1] = hashes[row] ^ np.uint64(flipped)
    pairs = near_images(hashes, np.zeros((300, 6), np.float32), np.arange(300))
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = {(a, b) for a in range(300) for b in range(a + 1, 300) if apart[a, b] <= BITS}
    assert len(expected) > 20
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == expected


def test_the_report_of_a_data_set_counts_near_copies_and_shows_the_first(tmp_path: Path) -> None:
    more = [("set/dark/scene.png", file_of(scene(5))), ("set/dark/small.jpg", file_of(scene(5, 60), "JPEG", quality=70))]
    report = check_file(
        folder_of_classes(tmp_path / "a.zip", more=more), Mapping.model_validate(HOW), tmp_path / "out", lambda *_: None
    ).report
    assert (report.neighbours.near, set(report.neighbours.examples[0])) == (2, {"scene.png", "small.jpg"})
    assert report.neighbours.compared <= pq.read_metadata(tmp_path / "out" / CHECKED_FILE).num_rows
    assert all(address.startswith("data:image/") for address in report.neighbours.pictures[0])
    assert any("nearly the same as an image of another group" in sentence for sentence in report.warnings)
