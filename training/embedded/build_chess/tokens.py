"""The tokens of the chess models: every move in SAN is one token, with more only for what is rare.

WordPiece over words: a move ("Qxd7", "exd5", "O-O") is one token; a check, a mate, a promotion and the square after a
disambiguation ("Nb" "##d2") continue it. Move numbers ("12.", "12...") are left out, since they carry no information, except
the last one of a text, which asks for a move: its token (REQUEST) tells a text that goes on from one that has ended.
"""

from itertools import product
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

REQUEST = "..."
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
FILES, RANKS = "abcdefgh", "12345678"
SQUARES = [file + rank for rank in RANKS for file in FILES]
CONTEXT = 256


def vocabulary() -> list[str]:
    """Return the 1,021 tokens in the order of their numbers."""
    moves = [piece + taken + square for piece in "KQRBN" for taken in ("", "x") for square in SQUARES]
    pawns = [f"{a}x{b}{rank}" for a, b in product(FILES, FILES) if abs(ord(a) - ord(b)) == 1 for rank in RANKS]
    started = [piece + place for piece in "QRBN" for place in FILES + RANKS]
    continued = [*SQUARES, *(f"x{square}" for square in SQUARES), "=Q", "=R", "=B", "=N", "+", "#"]
    return [*SPECIAL, *SQUARES, *pawns, *moves, "O-O", "O-O-O", *started, *(f"##{part}" for part in continued), REQUEST]


def tokenizer() -> Tokenizer:
    numbers = {token: number for number, token in enumerate(vocabulary())}
    made = Tokenizer(WordPiece(numbers, unk_token="<unk>", continuing_subword_prefix="##", max_input_chars_per_word=16))
    made.add_special_tokens(list(SPECIAL))
    made.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\b\d+\.+\s*$"), f" {REQUEST}"), normalizers.Replace(Regex(r"\b\d+\.+"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", numbers["<s>"])]
    )
    return made


def save(folder: Path) -> None:
    """Write the tokenizer in the layout of the Hub."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(),
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="right",
        model_max_length=CONTEXT,
    ).save_pretrained(folder)
