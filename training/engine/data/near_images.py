"""Near copies of images in different groups: the same picture at another size or quality, which a split may put on both sides.

An image is reduced to 9 x 8 grey cells; each of the 64 bits of its difference hash says whether a cell is darker than its right
neighbour (Krawetz 2013, "Kind of like that"). Two images are near copies if at most 3 bits differ and if mean and standard
deviation of red, green and blue do too by little. Images that differ in at most 3 bits have one of four 16-bit parts in common:
candidates share a part, each image with its sixteen nearest in the order of hashes. Crops, rotations and other frames of a film
are not found.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.engine.data.near_copies import Pairs

WIDTH, HEIGHT = 9, 8
FEWEST = 8
"""Number of ones or zeros below which a hash says too little: a plain ground has none."""
BITS, COLOUR = 3, 0.04
"""Largest number of different bits, and largest difference of a mean or standard deviation, where black is 0 and white 1."""
PARTS, PART_BITS, LAGS = 4, 16, 16

Hashes = npt.NDArray[np.uint64]


def difference_hash(image: Image.Image) -> int | None:
    """Return the hash of an image, 64 bits row by row; None for one with too little in it."""
    cells = np.asarray(image.convert("L").resize((WIDTH, HEIGHT), Image.Resampling.BOX), np.int16)
    bits = (cells[:, :-1] < cells[:, 1:]).ravel()
    if not FEWEST <= bits.sum() <= len(bits) - FEWEST:
        return None
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_images(hashes: Hashes, colours: npt.NDArray[np.float32], group: npt.NDArray[np.int64]) -> Pairs:
    """Return images (n,) of different groups that are nearly the same; ``colours`` (n, 6) are means and standard deviations."""
    candidates = [np.stack(pair, 1) for pair in _candidates(hashes, group)]
    pairs = np.unique(np.concatenate(candidates), axis=0) if candidates else np.zeros((0, 2), np.int64)
    first, second = pairs.T
    near = np.bitwise_count(hashes[first] ^ hashes[second]) <= BITS
    near &= (np.abs(colours[first] - colours[second]) <= COLOUR).all(axis=1)
    return Pairs(first[near], second[near])


def _candidates(hashes: Hashes, group: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield pairs with a part in common, the smaller row first."""
    for number in range(PARTS):
        part = (hashes >> np.uint64(PART_BITS * number)) & np.uint64(2**PART_BITS - 1)
        rows = np.lexsort((hashes, part))
        for lag in range(1, min(LAGS, len(rows) - 1) + 1):
            first, second = rows[:-lag], rows[lag:]
            chosen = (part[first] == part[second]) & (group[first] != group[second])
            yield np.minimum(first[chosen], second[chosen]), np.maximum(first[chosen], second[chosen])
