"""The page as a PDF, and its picture for links, made by the real programs."""

import io
import shutil
import struct
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pypdf import PdfReader

from webapp.charts import child_programs
from webapp.charts.renderers import RENDERERS, NotDrawn
from webapp.reports import missing_glyphs, pdf_process
from webapp.reports.card import card
from webapp.reports.markdown import html
from webapp.reports.pdf import pdf, picture
from webapp.reports.report import Report, Shown


def test_a_pdf_is_set_in_the_laboratorys_fonts(report: Report) -> None:
    made = pdf(report)
    assert made.startswith(b"%PDF-")
    for face in (b"lab-serif-400", b"lab-serif-600", b"lab-sans-400", b"lab-mono-400"):
        assert face in made


def test_a_formula_is_drawn_in_a_pdf_and_its_source_is_not_text(report: Report) -> None:
    printed = text_of(pdf(report.model_copy(update={"notes": html(r"So $\frac{s-w}{c-w}$ is it.")})))
    assert "So" in printed
    assert "\\frac" not in printed


def test_words_of_an_example_are_broken_at_spaces(report: Report) -> None:
    words = [f"word{number:04d}" for number in range(400)]
    shown = Shown(example=1, texts=(" ".join(words),), gold="positive", answers=(), note="")
    printed = text_of(pdf(report.model_copy(update={"highlights": (shown,)})))
    assert set(words) <= set(printed.split())


def test_a_pdf_says_which_scripts_it_cannot_show(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_glyphs, "on_this_machine", lambda char: char == "\N{GREEK SMALL LETTER ALPHA}")
    warned = text_of(pdf(report.model_copy(update={"title": "ไทย \u4e2d α"})))
    assert "Characters of these scripts cannot be shown in this PDF" in warned
    assert "CJK, Thai." in warned
    assert "cannot be shown in this PDF" not in text_of(pdf(report))


def text_of(made: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages).split())


def test_charts_are_drawn_with_their_rows_in_the_colours_of_paper(report: Report) -> None:
    drawn = picture(report.charts["curves-0"])
    assert drawn.startswith("<svg")
    assert "Test accuracy" in drawn
    assert "var(" not in drawn
    assert "Supervisor ." in drawn


def test_a_card_is_a_png_of_the_size_that_chat_tools_want(report: Report) -> None:
    made = card(report)
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", made[16:24]) == (1200, 630)


@pytest.fixture
def recording() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the paths that were requested from it."""
    paths: list[str] = []

    class Recording(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Recording)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()


def test_a_page_is_printed_without_a_network(recording: tuple[str, list[str]]) -> None:
    home, paths = recording
    html = f'<link rel="stylesheet" href="{home}/a.css"><img src="{home}/b.png"><p style="background:url({home}/c.png)">x</p>'
    assert pdf_process.print_html(html, "pdf").startswith(b"%PDF-")
    assert paths == []


def test_a_printer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_programs, "SECONDS", 0.001)
    with pytest.raises(NotDrawn, match=r"not printed within 0\.001 seconds"):
        pdf_process.print_html("<p>x</p>", "pdf")


def test_a_printer_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(NotDrawn, match="could not be printed"):
        pdf_process.print_html("<p>x</p>", "pdf")


def test_the_wait_for_a_renderer_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_programs, "SECONDS", 0.001)
    with RENDERERS.turn(1), RENDERERS.turn(1), pytest.raises(NotDrawn, match="Try again in a minute"):
        pdf_process.print_html("<p>", "pdf")
