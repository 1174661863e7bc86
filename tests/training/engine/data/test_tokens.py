import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from tests.training.conftest import make_run
from training.engine import backbone
from training.engine.data.tokens import bucket, word_pieces, words
from training.engine.errors import Stopped


def test_a_word_has_the_same_bucket_in_every_process() -> None:
    code = "from training.engine.data.tokens import bucket; print(bucket('splendid'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == bucket("splendid")


def test_words_are_counted_without_case_and_punctuation() -> None:
    ragged = words(pa.chunked_array([["Good, GOOD film!", "good good film"]]), 128)
    one, other = ragged.batch(np.array([0, 1]))[0].tolist()
    assert one == other


def test_only_the_first_words_are_read() -> None:
    assert words(pa.chunked_array([["one two three", ""]]), 2).lengths.tolist() == [2, 0]


def test_word_pieces_are_cut_and_not_padded() -> None:
    ragged = word_pieces(
        pa.chunked_array([["word " * 50, "word"]]), backbone.tokenizer(make_run("ceiling", max_tokens=16)), lambda: False
    )
    # [CLS] word [SEP]
    assert ragged.lengths.tolist() == [16, 3]


def test_a_stop_is_noticed_while_tokenising() -> None:
    with pytest.raises(Stopped):
        word_pieces(pa.chunked_array([["word"]]), backbone.tokenizer(make_run("ceiling", max_tokens=16)), lambda: True)
