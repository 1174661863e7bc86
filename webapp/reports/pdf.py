"""The page as a PDF: the same template with its print style, charts as pictures of vectors."""

from django.template.loader import render_to_string

from webapp.charts.picture_files import draw
from webapp.charts.print_theme import FONT, on_paper
from webapp.reports.html import Doors, context
from webapp.reports.missing_glyphs import scripts_without_glyphs
from webapp.reports.pdf_process import press
from webapp.reports.report import Chart, Paper
from webapp.reports.stylesheet import for_print


def pdf(paper: Paper) -> bytes:
    """Raises NotDrawn."""
    inside = {
        "head": "paper/printed.html",
        "styles": for_print(),
        "printed": True,
        "missing": scripts_without_glyphs(paper.text),
    }
    return press(render_to_string("paper/page.html", {**context(paper, Doors(), picture), **inside}), "pdf")


def picture(chart: Chart) -> str:
    """An SVG in the page's own letters."""
    return draw(on_paper(chart.drawn), "svg").decode().replace(f'font-family="{FONT}"', 'font-family="Inter"')
