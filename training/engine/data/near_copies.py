"""Near copies in different groups: rows with nearly the same text that a split may put on both sides.

Each text is a set of hashed word 5-grams (without case and punctuation; a shorter text is one gram). The 16 smallest hashes of
each set are its bottom-k sketch (Broder 1997), which estimates the share of grams that two texts have in common (Jaccard).
Candidate pairs share one of their four smallest hashes, each row with its eight nearest in the order of hashes; a pair counts
as near copies from one half of the grams in common. Grams of more than a tenth of the rows, such as those of a template, are
ignored.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from training.words import words as words_of

GRAM, SKETCH, BANDS, LAGS = 5, 16, 4, 8
NEAR = 0.5
LONGEST = 256
"""Largest number of words of each text that are read."""
COMMON_SHARE, COMMON_ROWS = 0.1, 20

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
NONE = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Pairs:
    """Near copies: row ``first[i]`` and row ``second[i]``, each pair once."""

    first: Indices
    second: Indices

    @property
    def rows(self) -> int:
        return len(np.union1d(self.first, self.second))


def grams(texts: Sequence[str]) -> tuple[Hashes, Indices]:
    """Return the hashes of all grams of ``texts``, and the text of each; each gram of a text once."""
    words = [words_of(text[: 20 * LONGEST])[:LONGEST] for text in texts]
    lengths = np.array([len(text_words) for text_words in words], np.int64)
    flat = np.fromiter((zlib.crc32(word.encode()) for text_words in words for word in text_words), np.uint64, int(lengths.sum()))
    mixed = np.zeros_like(flat)
    for offset in range(GRAM):
        mixed[: len(flat) - offset] = _mix(mixed[: len(flat) - offset] + flat[offset:])
    owner = np.repeat(np.arange(len(texts)), lengths)
    place = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    whole = place + GRAM <= np.repeat(lengths, lengths)
    short = [index for index, length in enumerate(lengths) if 0 < length < GRAM]
    brief = [int.from_bytes(blake2b(" ".join(words[index]).encode(), digest_size=8).digest(), "big") for index in short]
    hashes = np.concatenate([mixed[whole], np.array(brief, np.uint64)])
    owners = np.concatenate([owner[whole], np.array(short, np.int64)])
    order = np.lexsort((hashes, owners))
    hashes, owners = hashes[order], owners[order]
    first = np.ones(len(hashes), bool)
    first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return hashes[first], owners[first]


def _mix(value: Hashes) -> Hashes:
    """Return the finaliser of SplitMix64: equal numbers stay equal, others are spread evenly."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = value ^ (value >> np.uint64(31))
    return mixed


def common_grams(texts: Sequence[str]) -> Hashes:
    """Return the grams of a template, found in a sample of the texts."""
    distinct, counts = np.unique(grams(texts)[0], return_counts=True)
    common: Hashes = distinct[(counts > COMMON_SHARE * len(texts)) & (counts >= COMMON_ROWS)]
    return common


def sketches(texts: Sequence[str], common: Hashes) -> Hashes:
    """Return (texts, 16): the smallest hashes of each text in ascending order, NONE where it has fewer."""
    hashes, owners = grams(texts)
    if len(common):
        rare = ~np.isin(hashes, common)
        hashes, owners = hashes[rare], owners[rare]
    starts = np.searchsorted(owners, np.arange(len(texts)))
    rank = np.arange(len(owners)) - starts[owners] if len(owners) else np.zeros(0, np.int64)
    sketch = np.full((len(texts), SKETCH), NONE)
    few = rank < SKETCH
    sketch[owners[few], rank[few]] = hashes[few]
    return sketch


def near_pairs(sketch: Hashes, group: Indices) -> Pairs:
    """Return rows of different groups whose texts are nearly the same."""
    hashes, rows = sketch[:, :BANDS].T.ravel(), np.tile(np.arange(len(sketch)), BANDS)
    real = hashes != NONE
    hashes, rows = hashes[real], rows[real]
    order = np.lexsort((rows, hashes))
    hashes, rows = hashes[order], rows[order]
    candidates = [np.stack(pair, 1) for pair in _candidates(hashes, rows, group)]
    pairs = np.unique(np.concatenate(candidates), axis=0) if candidates else np.zeros((0, 2), np.int64)
    near = [shared(sketch[part[:, 0]], sketch[part[:, 1]]) >= NEAR for part in _parts(pairs)]
    pairs = pairs[np.concatenate(near)] if near else pairs
    return Pairs(pairs[:, 0], pairs[:, 1])


def _candidates(hashes: Hashes, rows: Indices, group: Indices) -> Iterator[tuple[Indices, Indices]]:
    for lag in range(1, min(LAGS, len(hashes) - 1) + 1):
        first, second = rows[:-lag], rows[lag:]
        matching = (hashes[:-lag] == hashes[lag:]) & (group[first] != group[second])
        yield first[matching], second[matching]


def _parts(pairs: Indices) -> list[Indices]:
    return np.array_split(pairs, range(100_000, len(pairs), 100_000)) if len(pairs) else []


def shared(first: Hashes, second: Hashes) -> npt.NDArray[np.float64]:
    """Return the estimated share of common grams: of the 16 smallest hashes of both sets together, those that are in both."""
    both = np.sort(np.concatenate([first, second], axis=1), axis=1)
    twin = np.zeros(both.shape, bool)
    twin[:, 1:] = (both[:, 1:] == both[:, :-1]) & (both[:, 1:] != NONE)
    single = ~twin & (both != NONE)
    place = np.cumsum(single, axis=1)
    common = (twin & (place <= SKETCH)).sum(1)
    share: npt.NDArray[np.float64] = common / np.maximum(np.minimum(place[:, -1], SKETCH), 1)
    return share
