"""The picture that chat tools show with a link to the page."""

from django.template.loader import render_to_string

from webapp.reports.pdf import picture
from webapp.reports.pdf_process import print_html
from webapp.reports.references import LAB
from webapp.reports.report import Report
from webapp.reports.stylesheet import for_print


def card(report: Report) -> bytes:
    """Return a PNG of 1200 x 630: title, claim, the gap and its recovered part. Raises NotDrawn."""
    return print_html(
        render_to_string("paper/card.html", {"report": report, "lab": LAB, "gap": _gap(report), "styles": for_print()}), "png"
    )


def _gap(report: Report) -> str:
    """Return the gap of a single pair; empty for several pairs, since one of them does not represent the others."""
    first = report.sections[0]
    return picture(first.gap) if first.gap and len(report.sections) == 1 else ""
