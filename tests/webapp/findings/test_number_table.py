"""A table of numbers says the same on a page, in a CSV file and in LaTeX."""

import pytest

from tests.factories.latex import table_rows
from tests.factories.result_groups import estimate
from training.metrics.intervals import Estimate
from webapp.findings.csv_file import as_csv
from webapp.findings.latex import escaped, latex
from webapp.findings.number_table import EMPTY, Cell, Column, NumberTable, difference, p_value, plain, share, whole_number, word

COLUMNS = [
    Column("Experiment", right=False),
    Column("Method", right=False),
    Column("Seeds"),
    Column("PGR"),
    Column("Gain, points"),
]


def table(*rows: list[Cell]) -> NumberTable:
    return NumberTable("some", "Some", COLUMNS, rows, "Mean of 3 seeds & 95% intervals.")


def test_a_file_has_unrounded_values_with_both_ends_and_words_in_a_column_of_their_own() -> None:
    rows = [
        [
            plain("#1 First", detail="Reviews"),
            plain("Naive"),
            whole_number(1200),
            share(estimate(0.4321), 2),
            difference(estimate(0.05)),
        ],
        [plain("#2"), plain("Naive"), whole_number(2), word("unresolved", "The gap is too small."), EMPTY],
    ]
    first, second = table(*rows).records()
    assert first == {
        "Experiment": "#1 First, Reviews",
        "Method": "Naive",
        "Seeds": 1200,
        "PGR": 0.4321,
        "PGR, low": pytest.approx(0.4221),
        "PGR, high": pytest.approx(0.4421),
        "PGR, state": None,
        "Gain, points": pytest.approx(5),
        "Gain, points, low": pytest.approx(4),
        "Gain, points, high": pytest.approx(6),
    }
    assert list(first) == list(second)
    assert (second["PGR"], second["PGR, state"], second["Gain, points"]) == (None, "unresolved", None)
    assert as_csv(table(*rows).records()).count("\n") == 3


def test_latex_has_the_numbers_of_the_page_with_footnotes_for_words_and_says_each_name_once() -> None:
    reason = "The gap is 2% [−1.0, 5.0]: it includes zero."
    unbounded = Estimate(value=-0.051, low=None, high=None)
    text = latex(
        table(
            [plain("#1 A_B & C"), plain("Naive"), whole_number(3), share(estimate(0.71), 2), difference(estimate(-0.03))],
            [plain("#1 A_B & C"), plain("CACE"), whole_number(3), word("unresolved", reason), difference(unbounded)],
            [plain("#2"), plain("CACE"), whole_number(3), word("unresolved", reason), p_value(0.0002)],
        )
    )
    head, first, second, third = table_rows(text)
    assert head == ["Experiment", "Method", "Seeds", "PGR", "Gain, points"]
    assert first == [r"\#1 A\_B \& C", "Naive", "3", ".71 [.70, .72]", "$-$3.0 [$-$4.0, $-$2.0]"]
    assert second == ["", "CACE", "3", r"unresolved\textsuperscript{a}", r"$-$5.1 [$-$$\infty$, $\infty$]"]
    assert third == [r"\#2", "CACE", "3", r"unresolved\textsuperscript{a}", r"\textless{} .001"]
    assert text.count(r"\textsuperscript{a}\,The gap is 2\% [$-$1.0, 5.0]: it includes zero.") == 1
    assert r"\caption{Mean of 3 seeds \& 95\% intervals.}" in text
    assert [line.strip() for line in text.splitlines()][-4:-1] == [
        r"\bottomrule",
        r"\end{tabular}",
        text.splitlines()[-2].strip(),
    ]


def test_a_cell_never_begins_with_a_bracket_which_would_belong_to_the_end_of_the_row_above() -> None:
    text = latex(table([plain("[1] first"), plain("x"), whole_number(1), EMPTY, EMPTY]))
    assert table_rows(text)[1][0] == "{[1] first}"


@pytest.mark.parametrize("name", ["50% & more_of {#1} ~ ^ \\ $x$", "“quoted” – it’s…", "a\nb\tc\x00d", "Größe 表", '<b>"|'])
def test_any_name_is_printed_and_never_read_as_a_command(name: str) -> None:
    rows = table_rows(latex(table([plain(name), plain(name), whole_number(1), EMPTY, EMPTY])))
    assert rows[1][0] == escaped(name)
    assert "\x00" not in rows[1][0]


def test_footnotes_go_on_after_the_last_letter() -> None:
    rows = [[plain(str(at)), EMPTY, EMPTY, word("none", f"Reason {at}."), EMPTY] for at in range(28)]
    assert [mark for mark, _ in table(*rows).footnotes][25:] == ["z", "aa", "ab"]
