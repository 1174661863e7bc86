"""One definition of word and of equal texts: what it finds in many scripts, and that nothing changes for plain English."""

import re
import unicodedata

import duckdb
import pyarrow.parquet as pq
import pytest

from training import catalog, words
from training.engine.data.tokens import bucket
from training.engine.data.tokens import words as buckets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't STOP at 3rd_try", ["don", "t", "stop", "at", "3rd_try"]),
        ("वह जाती है", ["वह", "जाती", "है"]),
        ("天地好", ["天", "地", "好"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("ok 👍🏽👎", ["ok", "👍🏽", "👎"]),
        ("👨\u200d👩\u200d👧 🇩🇪🇫🇷", ["👨\u200d👩\u200d👧", "🇩🇪", "🇫🇷"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("cafe\u0301", ["café"]),
        ("co\u00adoperate", ["cooperate"]),
        ("!= <> ...", []),
        ("", []),
    ],
)
def test_words_are_letters_with_their_marks_characters_of_unspaced_scripts_and_emoji(text: str, expected: list[str]) -> None:
    assert words.words(text) == expected


@pytest.mark.parametrize("name", ["movie-reviews", "movie-preferences"])
def test_words_pieces_and_lengths_of_the_embedded_data_sets_are_what_they_were(name: str) -> None:
    table = pq.read_table(catalog.dataset(name).path)
    for column in {"text", "text_b"} & set(table.column_names):
        for text in table[column].to_pylist():
            assert words.words(text) == re.findall(r"\w+", text.lower())
            assert words.spans(text) == [match.span() for match in re.finditer(r"\w+|[^\w\s]+", text)]
            assert words.length(text) == len(text.split())


def test_features_of_a_bag_of_words_are_crc_buckets_of_lower_case_words_as_ever() -> None:
    text = "The plot's 1st half: GREAT, the rest... not_so e-mail"
    import pyarrow as pa

    actual = buckets(pa.chunked_array([[text]]), 128)
    assert actual.ids.tolist() == [bucket(word) for word in re.findall(r"\w+", text.lower())]


SAME = [
    ("Café au lait", "cafe\u0301  AU lait"),
    ("a\u200bb", "ab"),
    ("❤️", "❤"),
    ("x\u00a0y", "x y"),
    ("\ufeffhello", "hello"),
    ("né", "ne\u0301"),
]
OTHER = [
    ("x = -1", "x = 1"),
    ("if v == a:", "if v != a:"),
    ("ok 👍", "ok 👎"),
    ("वह जाती", "वह जाता"),
    ("C", "C++"),
    (":)", ":("),
    ("a<b", "a>b"),
    ("5!", "5"),
    ("really?", "really."),
    ("ก้", "ก๊"),
    ("£5", "$5"),
]


@pytest.mark.parametrize(("first", "other", "same"), [(*pair, True) for pair in SAME] + [(*pair, False) for pair in OTHER])
def test_signs_tell_texts_apart_and_composition_and_invisible_characters_do_not(first: str, other: str, same: bool) -> None:
    assert (words.identity(first) == words.identity(other)) == same
    query = f"select {words.identity_sql('?')} = {words.identity_sql('?')}"
    assert duckdb.execute(query, [first, other]).fetchall() == [(same,)]


@pytest.mark.parametrize("text", ["a b  c", "天地 and 人", "สวัสดี x", "naïve — dash", "ok 👍"])
def test_the_database_counts_words_as_python_does(text: str) -> None:
    assert duckdb.execute(f"select {words.length_sql('?')}", [text]).fetchall() == [(words.length(text),)]


@pytest.mark.parametrize("text", ["a,  b!", "वह जाती है", "👍🏽ok", "天!地", unicodedata.normalize("NFD", "éà ü")])
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(words.pieces(text)) == text
