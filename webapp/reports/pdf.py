"""The page as a PDF: the same template with its print style, and charts as vector graphics."""

from django.template.loader import render_to_string

from webapp.charts.picture_files import draw
from webapp.charts.print_theme import FONT, on_paper
from webapp.reports.html import PageLinks, context
from webapp.reports.missing_glyphs import scripts_without_glyphs
from webapp.reports.pdf_process import print_html
from webapp.reports.report import Chart, Report
from webapp.reports.stylesheet import for_print


def pdf(report: Report) -> bytes:
    """Return the PDF. Raises NotDrawn."""
    inside = {
        "head": "reports/printed.html",
        "styles": for_print(),
        "printed": True,
        "missing": scripts_without_glyphs(report.text),
    }
    return print_html(render_to_string("reports/page.html", {**context(report, PageLinks(), picture), **inside}), "pdf")


def picture(chart: Chart) -> str:
    """Return an SVG in the page's own font."""
    return draw(on_paper(chart.drawn), "svg").decode().replace(f'font-family="{FONT}"', 'font-family="Inter"')
