"""A written text and its reference can both be read from the changes between them."""

import pytest

from webapp.explorer.marked_text import LONGEST_DIFFERENCE
from webapp.explorer.text_changes import Change, changes, changes_from


@pytest.mark.parametrize(
    ("reference", "written"),
    [
        ("3 + 4 = 7", "3 + 4 = 8"),
        ("", "anything"),
        ("Nf3", ""),
        ("the same", "the same"),
        ("first line\nsecond  line", "second line\nfirst line"),
        ("答えは七です", "答えは八です"),
    ],
)
def test_changes_hold_both_texts_whole(reference: str, written: str) -> None:
    parts = changes(reference, written)
    assert parts is not None
    assert "".join(part.text for part in parts if part.kind != "added") == reference
    assert "".join(part.text for part in parts if part.kind != "missing") == written


def test_only_the_words_that_differ_are_marked() -> None:
    parts = changes("It makes 7 apples", "It makes 8 apples")
    assert parts == [Change("same", "It makes "), Change("missing", "7"), Change("added", "8"), Change("same", " apples")]


def test_a_text_is_compared_with_the_reference_that_is_most_like_it() -> None:
    parts, reference = changes_from(["nothing alike", "It makes 7", "It makes 9"], "It makes 8")
    assert reference == "It makes 7"
    assert parts is not None


def test_very_long_texts_are_not_compared() -> None:
    assert changes("word " * (LONGEST_DIFFERENCE + 1), "short") is None


def test_texts_of_few_words_that_occur_often_are_not_compared() -> None:
    assert changes("a b " * 400, "b a a " * 300) is None
    assert changes("one two three " * 3, "one two four " * 3) is not None


def test_the_nearest_of_many_references_is_found_by_the_words_that_it_shares() -> None:
    references = [f"the answer is {number} of them " * 40 for number in range(300)]
    assert changes_from(references, references[200])[1] == references[200]
