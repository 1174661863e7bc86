"""Texts as whole numbers: hashed words for the bag of words, word pieces for transformers."""

import re
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import torch

from training.catalog.models import BAG_OF_WORDS_BUCKETS
from training.engine.errors import Stopped
from training.engine.inputs import Ragged

WORD = re.compile(r"\w+")


def words(text: pa.ChunkedArray, longest: int) -> Ragged:
    """The first ``longest`` words of each text, lower-cased, as buckets of the bag of words."""
    return Ragged.of([[bucket(word) for word in WORD.findall(one.lower())[:longest]] for one in text.to_pylist()], budget=2**16)


def bucket(word: str) -> int:
    """Where a word is counted. CRC-32 and not ``hash``, which differs between processes."""
    return zlib.crc32(word.encode()) % BAG_OF_WORDS_BUCKETS


def word_pieces(text: pa.ChunkedArray, tokenizer: Any, should_stop: Callable[[], bool]) -> Ragged:
    """Token ids of each text by a ``tokenizers.Tokenizer`` that truncates and does not pad. Raises Stopped.

    A text of which nothing is left is one token, whichever has id 0, for a decoder has to read something.
    """
    # Costs 0.7 s, which runs on cached features and bags of words need not pay.
    import datasets

    def encode(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        if should_stop():
            raise Stopped
        return {"ids": [encoding.ids or [0] for encoding in tokenizer.encode_batch(batch["text"])]}

    datasets.disable_progress_bars()
    table = datasets.Dataset(pa.table({"text": text}))
    encoded = table.map(encode, batched=True, remove_columns=["text"], new_fingerprint="word-pieces")
    return Ragged.of(encoded["ids"], budget=GPU_BUDGET if torch.cuda.is_available() else TRANSFORMER_BUDGET)


GPU_BUDGET = 2**15
TRANSFORMER_BUDGET = 2048
"""Tokens, padding included, that go through a transformer between two looks at ``should_stop``: below a second on two cores."""
