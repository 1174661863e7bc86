"""GGUF files become folders as on the Hub, equal to what transformers reads from the same file."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from tests.factories.gguf_models import SPECIAL, make_gguf
from training.catalog import folders
from training.engine.errors import CorruptModel
from training.engine.models.gguf_files import convert

TEXTS = ["the thin one, it isn’t", "tenth on the  line\n\nünique 你好", "<|im_end|> ended"]


def converted(source: Path, folder: Path) -> Path:
    folder.mkdir()
    convert(source, folder, lambda done, total: None)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_gguf(tmp_path / "tiny.gguf")


def test_a_converted_model_has_the_weights_that_transformers_reads_in_half_precision(source: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = converted(source, tmp_path / "new")
    read: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    own: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    expected, actual = dict(read.named_parameters()), dict(own.named_parameters())
    assert expected.keys() == actual.keys()
    assert [name for name, weight in actual.items() if not torch.equal(expected[name].half().float(), weight)] == []
    ids = torch.arange(40)[None]
    with torch.no_grad():
        torch.testing.assert_close(own(ids).logits, read(ids).logits, atol=0.05, rtol=0.01)
    assert own.config.rope_parameters["rope_theta"] == read.config.rope_parameters["rope_theta"] == 50_000
    assert folders.facts(folders.read_config(folder / "config.json")).kind == "decoder"


def test_a_converted_tokenizer_gives_the_tokens_that_transformers_gives_and_each_digit_is_one(
    source: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    folder = converted(source, tmp_path / "new")
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    read: Any = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    for text in TEXTS:
        assert own.encode(text).ids == read(text).input_ids
        assert own.decode(own.encode(text).ids, skip_special_tokens=False) == text
    assert own.token_to_id("<|im_end|>") in own.encode(TEXTS[2]).ids
    # Two spaces before a number belong together, as in the published tokenizer: the digits are parted first.
    assert own.encode("  10").tokens == ["ĠĠ", "1", "0"]
    chat: Any = AutoTokenizer.from_pretrained(folder)
    assert (chat.bos_token, chat.eos_token) == tuple(SPECIAL[1:])
    assert chat.apply_chat_template([{"role": "user", "content": "Hello"}], tokenize=False) == "Hello"


def test_equal_files_become_equal_folders(source: Path, tmp_path: Path) -> None:
    digests = {folders.digest(converted(source, tmp_path / name)) for name in ("one", "two")}
    assert len(digests) == 1
    other = make_gguf(tmp_path / "other.gguf", **{"llama.rope.freq_base": 10_000.0})
    assert folders.digest(converted(other, tmp_path / "three")) not in digests


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "mamba"}, "architecture mamba cannot be read"),
        ({"tokenizer.ggml.model": "llama"}, "tokenizer of the kind llama"),
        ({"tokenizer.ggml.pre": "qwen2"}, "tokenizer of the kind gpt2, qwen2"),
        ({"llama.block_count": None}, "does not say llama.block_count"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(CorruptModel, match=sentence):
        converted(make_gguf(tmp_path / "tiny.gguf", **changes), tmp_path / "new")
