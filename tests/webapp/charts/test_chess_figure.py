"""Boards are read back as XML: what is drawn where, and what is told."""

import re
from xml.etree.ElementTree import Element, fromstring

import pytest

from webapp.charts.chess_board import EDGE, SQUARE, Arrow, chess_board
from webapp.charts.chess_figure import Figure, Written, chess_figure
from webapp.charts.styles import CEILING, WEAK

WHITE_TO_MOVE = "4k3/8/8/8/8/8/4P3/4K2R w K - 0 1"
BLACK_TO_MOVE = WHITE_TO_MOVE.replace(" w ", " b ")
ROW = {"fen": WHITE_TO_MOVE, "legal_san": ["Rh8+", "e4", "O-O"], "legal_uci": ["h1h8", "e2e4", "e1g1"], "last_move": "d8e8"}


def read(svg: str) -> Element:
    return fromstring(svg)


def drawn(image: Element, name: str) -> list[Element]:
    return [element for element in image.iter() if name in element.get("class", "").split()]


def figure(*written: Written) -> Figure:
    made = chess_figure(ROW, written)
    assert made
    return made


def corner(file: int, rank_from_above: int) -> str:
    return f"translate({EDGE + SQUARE * file} {SQUARE * rank_from_above})"


def test_every_piece_stands_on_its_square_with_the_side_to_move_below() -> None:
    white, black = read(chess_board(WHITE_TO_MOVE)), read(chess_board(BLACK_TO_MOVE))
    assert {piece.get("transform") for piece in drawn(white, "white")} == {corner(4, 6), corner(4, 7), corner(7, 7)}
    assert [piece.get("transform") for piece in drawn(white, "black")] == [corner(4, 0)]
    assert {piece.get("transform") for piece in drawn(black, "white")} == {corner(3, 1), corner(3, 0), corner(0, 0)}


def test_a_board_has_64_squares_of_two_colours_with_a1_dark_and_named_edges() -> None:
    image = read(chess_board(WHITE_TO_MOVE))
    assert len(drawn(image, "light")) == len(drawn(image, "dark")) == 32
    a1 = next(square for square in drawn(image, "dark") if (square.get("x"), square.get("y")) == (str(EDGE), str(7 * SQUARE)))
    assert a1.get("class") == "dark"
    assert sorted(text.text or "" for text in image.iter("text")) == sorted("abcdefgh12345678")


def test_the_board_is_told_to_those_who_do_not_see_it() -> None:
    image = read(chess_board(WHITE_TO_MOVE, [Arrow("h1h8", WEAK, "Weak supervisor: Rh8+, right")], "d8e8"))
    assert image.get("role") == "img"
    assert image.findtext("title") == "Chess position, White to move"
    assert image.findtext("desc") == (
        "White: king e1, rook h1, pawn e2. Black: king e8. Last move: d8 to e8. Weak supervisor: Rh8+, right."
    )


def test_the_squares_of_the_last_move_are_marked() -> None:
    marked = drawn(read(chess_board(WHITE_TO_MOVE, last_move="d8e8")), "last")
    assert {(square.get("x"), square.get("y")) for square in marked} == {
        (str(EDGE + SQUARE * 3), "0"), (str(EDGE + SQUARE * 4), "0"),
    }  # fmt: skip


def test_arrows_have_the_colours_of_their_roles_and_equal_moves_are_side_by_side() -> None:
    made = figure(Written("Weak supervisor", WEAK, "Rh8+", True), Written("Strong ceiling", CEILING, "Rh8", True))
    first, second = drawn(read(made.picture), "arrow")
    assert (first.get("stroke"), second.get("stroke")) == ("var(--weak)", "var(--strong)")
    assert first.get("transform") != second.get("transform")
    assert [arrow.findtext("title") for arrow in (first, second)] == [
        "Weak supervisor: Rh8+, right",
        "Strong ceiling: Rh8, right",
    ]


def figure_of(*moves: str) -> list[Element]:
    return drawn(read(chess_board(WHITE_TO_MOVE, [Arrow(move, WEAK, "") for move in moves])), "arrow")


def sideways(arrow: Element) -> float:
    """Return how far to the right of its line an arrow stands, seen from below, or for a line across the board below it."""
    turned, aside = re.findall(r"rotate\(([-\d.]+)\) translate\(0 ([-\d.]+)\)", arrow.get("transform") or "")[0]
    return float(aside) * (1 if -90 < float(turned) <= 90 else -1)


def test_arrows_on_one_line_are_side_by_side_whatever_their_lengths_and_directions() -> None:
    for moves in (("e2e3", "e2e4"), ("a1d1", "h1d1"), ("h1f3", "d5f3")):
        made = figure_of(*moves)
        first, second = (sideways(arrow) for arrow in made)
        assert abs(first - second) == pytest.approx(9)
    apart = figure_of("e2e3", "h1h8")
    assert [sideways(arrow) for arrow in apart] == [0, 0]


def test_a_promotion_names_its_piece_beside_that_of_another_role() -> None:
    first, second = figure_of("e7e8q", "e7e8n")
    assert [arrow.findtext("g/text") for arrow in (first, second)] == ["Q", "N"]
    assert abs(sideways(first) - sideways(second)) == pytest.approx(16)


def test_legal_moves_that_an_import_kept_as_one_text_are_read() -> None:
    row = ROW | {"legal_san": "Rh8+ e4 O-O", "legal_uci": "h1h8, e2e4, e1g1"}
    made = chess_figure(row, [Written("Student", WEAK, "e4", True)])
    assert made
    assert [move.verdict for move in made.moves] == ["right"]


def test_a_move_that_is_not_legal_has_no_arrow_and_says_so() -> None:
    made = figure(Written("Student", WEAK, "Qd4", False), Written("Strong ceiling", CEILING, "e4", False))
    assert [move.title for move in made.moves] == ["Student: Qd4, not a legal move", "Strong ceiling: e4, wrong"]
    assert len(drawn(read(made.picture), "arrow")) == 1


@pytest.mark.parametrize("missing", ["fen", "legal_san", "legal_uci"])
def test_a_row_without_a_position_has_no_figure(missing: str) -> None:
    assert chess_figure({**ROW, missing: None}) is None


@pytest.mark.parametrize("other", [{"fen": "a text"}, {"last_move": "castles"}, {"legal_uci": ["h1h8"]}])
def test_columns_of_these_names_with_another_content_are_no_position(other: dict[str, object]) -> None:
    assert chess_figure({**ROW, **other}) is None


def test_an_answer_without_a_move_has_no_verdict() -> None:
    assert [move.title for move in figure(Written("Student", WEAK, "", False)).moves] == ["Student: nothing"]
