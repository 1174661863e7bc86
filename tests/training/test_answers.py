"""Answers in written texts: a table of cases for each rule, and what holds for every text."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from training.answers import AnswerRule, Extract, normalised
from training.spec import describe

CASES: dict[Extract, dict[str, str | None]] = {
    "line": {
        "Paris": "paris",
        "\n  \n The  Eiffel\tTower \n in Paris": "the eiffel tower",
        "ﬁne": "fine",
        "STRASSE": "strasse",
        "Straße": "strasse",
        "cafe\u0301": "café",
        "": None,
        " \n\t ": None,
    },
    "number": {
        "42": "42",
        "She has 3 apples and buys 4, so 7.": "7",
        "#### 1,234": "1234",
        "$1,234.50.": "1234.5",
        "42.0": "42",
        "42.": "42",
        "007": "7",
        ".5": "0.5",
        "-$42": "-42",
        "$-42": "-42",
        "x = −7": "-7",
        "10 - 3": "3",
        "10-3": "3",
        "-0": "0",
        "50%": "50",
        "12,34": "34",
        "1,2345": "2345",
        "3/4": "4",
        "４２": "42",
        "5 m²": "5",
        "123,456,789,012,345,678,901,234,567,890": "123456789012345678901234567890",
        "none": None,
        "": None,
    },
    "letter": {
        "B": "B",
        "b": "B",
        "(c)": "C",
        "b) Paris": "B",
        "D. It rains": "D",
        "The answer is (B).": "B",
        "**Answer:** D": "D",
        "the answer is not A but B": "B",
        "I think that it is C": "C",
        "Option C is right": "C",
        "Paris (b)": "B",
        "Ｂ": "B",
        "none of them": None,
        "": None,
    },
    "move": {
        "Nf3": "Nf3",
        " 12. Nxf3+ Kg8": "Nf3",
        "1...e5": "e5",
        "exd5": "ed5",
        "Qxf7#": "Qf7",
        "bxc3": "bc3",
        "Bxc3": "Bc3",
        "R1e2!?": "R1e2",
        "dxe6 e.p.": "de6",
        "O-O": "O-O",
        "0-0-0+": "O-O-O",
        "e8=Q": "e8=Q",
        "e8Q": "e8=Q",
        "exd8(N)#": "ed8=N",
        "e7e8q": "e7e8=Q",
        "nf3": None,
        "castles": None,
        "": None,
    },
}


@pytest.mark.parametrize(
    ("extract", "text", "answer"), [(extract, *case) for extract, cases in CASES.items() for case in cases.items()]
)
def test_an_answer_is_found_in_its_normal_form(extract: Extract, text: str, answer: str | None) -> None:
    assert AnswerRule(extract=extract).answer(text) == answer


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        (r"#### (.+)", "6 * 7\n#### 42\n#### 43", "42"),
        (r"\d+ +apples", "She has 12 Apples and 13  apples", "13 apples"),
        (r"answer: (\w+)?", "answer: ", None),
        (r"(?i)ANSWER: (\w+)", "answer: Yes", "yes"),
        (r"#### (.+)", "nothing", None),
        (r"(é+)", "cafééé", "ééé"),
    ],
)
def test_a_regular_expression_gives_its_group_or_its_whole_first_match(pattern: str, text: str, answer: str | None) -> None:
    assert AnswerRule(extract="pattern", pattern=pattern).answer(text) == answer


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"extract": "pattern"}, "A regular expression is needed to find the answer."),
        ({"extract": "number", "pattern": r"\d"}, "A regular expression is only for an answer by regular expression."),
        ({"extract": "pattern", "pattern": "("}, "The regular expression cannot be read: missing ): (."),
        ({"extract": "pattern", "pattern": "(?=a)"}, "The regular expression cannot be read: invalid perl operator: (?=."),
        ({"extract": "pattern", "pattern": r"(a)(b)"}, "The regular expression has 2 groups, and at most one can be the answer."),
        ({"extract": "pattern", "pattern": "a" * 201}, "May have at most 200 characters."),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_at_its_place(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AnswerRule.model_validate(settings)
    (problem,) = describe(caught.value.errors())
    assert (problem.path, problem.message) == ("pattern", sentence)


def test_an_expression_takes_time_linear_in_the_text() -> None:
    assert AnswerRule(extract="pattern", pattern="(a*)*b").answer("a" * 100_000) is None


RULES = st.sampled_from([AnswerRule(extract=extract) for extract in CASES])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
WRITTEN = TEXTS | st.text("ABab12.,$-+#x=()NQO0 \n") | st.sampled_from([text for cases in CASES.values() for text in cases])


@given(RULES, WRITTEN)
def test_an_answer_in_its_normal_form_is_its_own_answer(rule: AnswerRule, text: str) -> None:
    answer = rule.answer(text)
    assert answer is None or (answer and rule.answer(answer) == answer)


@given(RULES, WRITTEN, st.lists(WRITTEN, max_size=3))
def test_a_text_is_right_where_its_answer_is_that_of_an_accepted_text(rule: AnswerRule, text: str, others: list[str]) -> None:
    answers = {rule.answer(other) for other in others} - {None}
    assert rule.right(text, others) == (rule.answer(text) in answers)
    assert rule.right(text, [*others, text]) == (rule.answer(text) is not None)


@given(TEXTS)
def test_case_spaces_and_forms_of_unicode_do_not_matter_in_a_line(text: str) -> None:
    line = AnswerRule(extract="line")
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert line.answer(unicodedata.normalize(form, text)) == line.answer(text)
    assert line.answer(f"\n  {text}") == line.answer(text)


@given(st.integers(), st.integers(0, 10**6), st.sampled_from(["{:,}", "${:,}", "{}.", "{}.00", "It is {:,}."]))
def test_a_number_is_the_same_however_it_is_written(number: int, other: int, form: str) -> None:
    rule = AnswerRule(extract="number")
    assert rule.answer(form.format(number)) == str(number)
    assert rule.right(f"{other} or rather {form.format(number)}", [str(number)])
    assert rule.right(form.format(number), [str(other)]) == (number == other)


@given(st.sampled_from(string.ascii_uppercase), st.sampled_from(["{}", "({})", "{}.", " {}\n", "The answer is {}", "{}) it"]))
def test_a_choice_letter_is_the_same_however_it_is_written(letter: str, form: str) -> None:
    assert AnswerRule(extract="letter").answer(form.format(letter)) == letter


SQUARES = st.builds("{}{}".format, st.sampled_from("abcdefgh"), st.sampled_from("12345678"))


@given(
    st.sampled_from(["", *"KQRBN"]), SQUARES, st.sampled_from(["", "+", "#", "!", "?!"]), st.sampled_from(["", "3. ", "4... "])
)
def test_marks_and_captures_do_not_change_a_move_and_pieces_do(piece: str, square: str, mark: str, number: str) -> None:
    rule = AnswerRule(extract="move")
    taken = f"{piece}x{square}" if piece else square
    assert rule.right(f"{number}{taken}{mark} and more", [piece + square])
    assert not rule.right(piece + square, [("K" if piece != "K" else "Q") + square])


@pytest.mark.parametrize("text", ["(" * 10**6, "answer" + "_" * 10**6, "A b " * 10**5, "a" + "\u0301\u0327" * 10**5])
@pytest.mark.parametrize("extract", ["line", "number", "letter", "move"])
def test_texts_that_are_long_and_odd_are_read_in_one_pass(extract: Extract, text: str) -> None:
    """With the square of their lengths each of them would take hours."""
    answer = AnswerRule(extract=extract).answer(text)
    assert answer is None or extract in ("line", "letter")


def test_marks_beyond_the_limit_of_stream_safe_texts_do_not_count() -> None:
    zalgo = "e" + "\u0301" * 40
    assert normalised(zalgo) == normalised("e" + "\u0301" * 30) != normalised("e" + "\u0301" * 29)
