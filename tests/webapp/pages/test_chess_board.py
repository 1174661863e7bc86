from django.template import Context, Template

from webapp.charts.chess_figure import Written
from webapp.charts.styles import CEILING, WEAK

ROW: dict[str, object] = {"fen": "4k3/8/8/8/8/8/4P3/4K2R w K - 0 1", "legal_san": ["Rh8+", "e4"], "legal_uci": ["h1h8", "e2e4"]}


def render(row: dict[str, object], *written: Written) -> str:
    page = Template("{% load chess %}{% chess_board row written %}")
    return " ".join(page.render(Context({"row": row, "written": written})).split())


def test_a_page_has_the_board_and_the_written_moves_with_their_verdicts() -> None:
    html = render(ROW, Written("Weak supervisor", WEAK, "<b>", False), Written("Strong ceiling", CEILING, "Rh8+", True))
    assert html.count("<svg") == 3
    assert "&lt;b&gt;</b>, not a legal move" in html
    assert "Rh8+</b>, right" in html
    assert 'stroke="var(--strong)"' in html


def test_a_row_without_a_position_leaves_the_page_as_it_is() -> None:
    assert render({"text": "2 + 2"}).strip() == ""
