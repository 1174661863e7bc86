import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from tests.factories.runs import make_run
from training import Store
from training.catalog import folders
from training.engine.data.tokens import bucket, cached_word_pieces, words
from training.engine.errors import Stopped
from training.engine.models import backbone
from training.engine.models.inputs import Ragged


def test_a_word_has_the_same_bucket_in_every_process() -> None:
    code = "from training.engine.data.tokens import bucket; print(bucket('splendid'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == bucket("splendid")


def test_words_are_counted_without_case_and_punctuation() -> None:
    ragged = words(pa.chunked_array([["Good, GOOD film!", "good good film"]]), 128)
    first, other = ragged.batch(np.array([0, 1]))[0].tolist()
    assert first == other


def test_only_the_first_words_are_read() -> None:
    assert words(pa.chunked_array([["one two three", ""]]), 2).lengths.tolist() == [2, 0]


TEXT = pa.chunked_array([["word " * 50, "word"]])


def tokenised(store: Store, max_tokens: int = 16, text: pa.ChunkedArray = TEXT) -> Ragged:
    run = make_run("ceiling", max_tokens=max_tokens)
    return cached_word_pieces(run, text, "a", backbone.tokenizer(run), store, lambda: False)


def test_word_pieces_are_cut_and_not_padded(tmp_path: Path) -> None:
    # [CLS] word [SEP]
    assert tokenised(Store(tmp_path)).lengths.tolist() == [16, 3]


def test_word_pieces_are_made_once_and_then_mapped_from_disk(tmp_path: Path) -> None:
    first = tokenised(Store(tmp_path))
    second = tokenised(Store(tmp_path), text=pa.chunked_array([["never read"]]))
    assert isinstance(second.ids, np.memmap)
    assert second.ids.dtype == np.int32
    assert torch.equal(first.batch(np.array([0, 1]))[0], second.batch(np.array([0, 1]))[0])


def test_another_longest_text_has_word_pieces_of_its_own(tmp_path: Path) -> None:
    assert tokenised(Store(tmp_path)).lengths.tolist() == [16, 3]
    assert tokenised(Store(tmp_path), max_tokens=8).lengths.tolist() == [8, 3]


@pytest.mark.parametrize("damage", [b"", b"nonsense"], ids=["empty", "cut short"])
@pytest.mark.parametrize("name", ["*-ids.bin", "*-lengths.npy"])
def test_damaged_word_pieces_are_made_again(tmp_path: Path, name: str, damage: bytes) -> None:
    tokenised(Store(tmp_path))
    next(Store(tmp_path).tokens.glob(name)).write_bytes(damage)
    assert tokenised(Store(tmp_path)).lengths.tolist() == [16, 3]


def test_an_empty_text_is_one_token_for_a_model_without_special_ones(models: dict[str, Path], tmp_path: Path) -> None:
    run = make_run("ceiling", model=str(models["gpt2"]))
    run = run.model_copy(update={"digest": folders.digest(models["gpt2"])})
    actual = cached_word_pieces(
        run, pa.chunked_array([["", "a film"]]), "a", backbone.tokenizer(run), Store(tmp_path), lambda: False
    )
    assert actual.lengths.tolist() == [1, 2]


def test_a_stop_is_noticed_while_tokenising_and_leaves_nothing(tmp_path: Path) -> None:
    run = make_run("ceiling", max_tokens=16)
    with pytest.raises(Stopped):
        cached_word_pieces(run, TEXT, "a", backbone.tokenizer(run), Store(tmp_path), lambda: True)
    assert not list(Store(tmp_path).tokens.iterdir())
