"""Texts as integers: hashed words for the bag of words, word pieces for transformers."""

import hashlib
import logging
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from training import catalog
from training.catalog.models import BAG_OF_WORDS_BUCKETS
from training.engine.data.examples import Side
from training.engine.data.split import Rows
from training.engine.errors import CorruptModel, Stopped
from training.engine.models import model_files, packing
from training.engine.models.inputs import Ragged, starts_of
from training.engine.models.sizes import size_of
from training.names import within
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.checksums import DamagedArtifact
from training.words import words as words_of

log = logging.getLogger(__name__)


def words(text: pa.ChunkedArray, longest: int) -> Ragged:
    """Return the first ``longest`` words of each text, lower-cased, as buckets of the bag of words."""
    return Ragged.of([[bucket(word) for word in words_of(document)[:longest]] for document in text.to_pylist()], budget=2**16)


def bucket(word: str) -> int:
    """Return the bucket of a word. CRC-32 rather than ``hash``, which differs between processes."""
    return zlib.crc32(word.encode()) % BAG_OF_WORDS_BUCKETS


def cached_word_pieces(
    run: RunSpec, text: pa.ChunkedArray, side: Side, tokenizer: Any, store: Store, should_stop: Callable[[], bool]
) -> Ragged:
    """Return ``word_pieces`` of one side of the data set of ``run``, memory-mapped from the store, and written there if missing.

    Memory grows by eight bytes per text only. Two processes may write at the same time: they write the same bytes. Raises
    Stopped, and CorruptModel where a token has no embedding.
    """
    # The tokenizer's description includes its truncation.
    tokenizer_digest = hashlib.sha256(tokenizer.to_str().encode()).hexdigest()
    name = "-".join([run.fingerprint[:16], tokenizer_digest[:16], side, *run.texts])
    ids, lengths = within(store.tokens, name, "-ids.bin"), within(store.tokens, name, "-lengths.npy")
    if (ready := _read(store, ids, lengths, run)) is None:
        with store.writing(ids) as partial, partial.open("wb") as file:
            counts = [_write(file, texts) for texts in word_pieces(text, tokenizer, should_stop)]
        with store.writing(lengths) as partial, partial.open("wb") as file:
            np.save(file, np.concatenate(counts))
        ready = _read(store, ids, lengths, run)
        assert ready is not None, f"{ids} was just written"
    _check_ids(run, ready)
    return ready


def _check_ids(run: RunSpec, texts: Ragged) -> None:
    known = None if run.model in catalog.MODELS else model_files.facts(run).vocabulary
    if known is not None and texts.largest >= known:
        raise CorruptModel(
            f"The tokenizer of {run.model} gives a text the token {texts.largest:,}, and the model has embeddings of {known:,} "
            "tokens only: the two do not belong together."
        )


def _write(file: BinaryIO, texts: list[list[int]]) -> Rows:
    file.write(np.fromiter(chain.from_iterable(texts), np.int32).tobytes())
    return np.fromiter(map(len, texts), np.int64)


def _read(store: Store, ids: Path, lengths: Path, run: RunSpec) -> Ragged | None:
    """Return the cached word pieces, None where they are missing or damaged; damaged ones are moved aside."""
    try:
        store.checksums.verify(ids, again=True)
        store.checksums.verify(lengths, again=True)
        counts: Rows = np.load(lengths, allow_pickle=False)
        tokens: npt.NDArray[np.int32] = np.memmap(ids, np.int32, mode="r")
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, DamagedArtifact):
        counts, tokens = np.zeros(0, np.int64), np.zeros(0, np.int32)
    if len(tokens) == 0 or len(tokens) != counts.sum():
        log.warning("The tokens %s are damaged and will be made again.", ids)
        store.checksums.quarantine(ids, lengths)
        return None
    return ragged(tokens, counts, run)


def ragged(tokens: npt.NDArray[np.integer], counts: Rows, run: RunSpec) -> Ragged:
    """Return the texts of ``counts`` (n,) tokens each that follow each other in ``tokens``, in parts for the model of ``run``."""
    if torch.cuda.is_available():
        return Ragged(tokens, starts_of(counts), counts, GPU_BUDGET, GPU_BUDGET)
    size = size_of(run)
    budget = int(np.clip(STATES // (STATES_OF_A_TOKEN * size.layers * size.width), TRANSFORMER_BUDGET, LARGEST_BUDGET))
    return Ragged(tokens, starts_of(counts), counts, budget, PART_OVERHEAD, packing.packs(size.architecture))


def word_pieces(text: pa.ChunkedArray, tokenizer: Any, should_stop: Callable[[], bool]) -> Iterator[list[list[int]]]:
    """Yield token ids of each text, by the thousand, by a ``tokenizers.Tokenizer`` that truncates and does not pad.

    A text without tokens becomes the one token with id 0, since a decoder needs input. Raises Stopped, CorruptModel.
    """
    for start in range(0, len(text), 1000):
        if should_stop():
            raise Stopped
        try:
            encodings = tokenizer.encode_batch(text.slice(start, 1000).to_pylist())
        except Exception as error:  # tokenizers has no class of its own for its errors
            raise CorruptModel(f"The model's tokenizer cannot read these texts: {error}") from error
        yield [encoding.ids or [0] for encoding in encodings]


GPU_BUDGET = 2**15
TRANSFORMER_BUDGET, LARGEST_BUDGET = 2048, 8192
"""Tokens of a pass through a transformer between two stop checks: below a second on two cores, more for small ones."""
STATES, STATES_OF_A_TOKEN = 2**29, 136
"""Bytes that the states of one pass with a gradient may take, and those of a token for each unit of each layer."""
PART_OVERHEAD = 512
"""Cost of one more part on a CPU, in tokens: more than padding, which only attention reads, unless lengths differ a lot."""
