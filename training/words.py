"""Words, and equality of texts: one definition for every rule, check, model and page.

A word is a run of letters, digits and the marks that belong to them (vowel signs, accents), or one emoji. In scripts that are
written without spaces each character with its marks is a word. For ASCII texts these are the matches of \\w+.
"""

import re
import unicodedata

import regex

UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}"
"""Scripts without spaces between words; the two signs lengthen a vowel in Japanese."""

EMOJI_PART = r"(?![©®™‼⁉ℹ↔-↪])\p{Extended_Pictographic}[\ufe0e\ufe0f\p{Emoji_Modifier}]*"
EMOJI = rf"(?:\p{{Regional_Indicator}}{{2}}|{EMOJI_PART}(?:\u200d{EMOJI_PART})*)"
LETTER = rf"(?![{UNSPACED}])[\p{{L}}\p{{N}}\p{{M}}_]"
WORD = rf"(?:[{UNSPACED}]\p{{M}}*|{LETTER}(?:[\u200c\u200d\u00ad]?{LETTER})*|{EMOJI})"
"""Pattern of a word; joiners and soft hyphens belong to a word only inside it."""

LENGTHS = rf"[{UNSPACED}]\p{{M}}*|[^\s{UNSPACED}]+"

INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufe0e\ufe0f\ufeff"
"""Characters without visible effect: soft hyphens, direction marks, variation selectors."""

_words = regex.compile(WORD)
_plain = re.compile("[\0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u203b\u20a0-\u20bf]*")
_plain_words = re.compile(r"\w+")
_pieces = regex.compile(rf"\s+|{WORD}|(?:(?!{WORD})\S)+")
_lengths = regex.compile(LENGTHS)
_invisible = dict.fromkeys(map(ord, INVISIBLE))


def folded(text: str) -> str:
    """Return ``text`` in lower case and composed form (NFC), without invisible characters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.translate(_invisible)).lower())


def composed(text: str) -> str:
    """Return ``text`` in composed form (NFC) without surrounding spaces, for names and values that are compared."""
    return unicodedata.normalize("NFC", text.strip())


def words(text: str) -> list[str]:
    """Return the words of ``text``, folded, in order."""
    text = folded(text)
    # Latin, Greek and Cyrillic: the same words, ten times as fast.
    return (_plain_words if _plain.fullmatch(text) else _words).findall(text)


def wording(text: str) -> str:
    """Return the words joined by spaces: equal for texts that differ in case, spacing and signs, which share a group."""
    return " ".join(words(text))


def identity(text: str) -> str:
    """Return the identity of a text: equal for copies, up to case, spaces and invisible characters. Signs count."""
    return " ".join(folded(text).split())


def identity_sql(expression: str) -> str:
    """Return ``identity`` as a DuckDB expression."""
    return f"trim(regexp_replace({folded_sql(expression)}, '[\\s\\p{{Z}}]+', ' ', 'g'))"


def folded_sql(expression: str) -> str:
    """Return ``folded`` as a DuckDB expression."""
    return f"nfc_normalize(lower(nfc_normalize(regexp_replace({expression}, '[{INVISIBLE}]+', '', 'g'))))"


def length(text: str) -> int:
    """Return the length of a text in words: pieces between spaces; in scripts without spaces, characters."""
    return len(text.split()) if text.isascii() else len(_lengths.findall(text))


def length_sql(expression: str) -> str:
    """Return ``length`` as a DuckDB expression."""
    return f"len(regexp_extract_all({expression}, '{LENGTHS}'))"


def pieces(text: str) -> list[str]:
    """Split ``text`` into words, runs of spaces and runs of other signs; joined they are the text."""
    parts: list[str] = _pieces.findall(text)
    return parts


def spans(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each word and run of other signs in ``text``."""
    return [match.span() for match in _pieces.finditer(text) if not match[0].isspace()]
