"""The picture that chat tools show beside a link to the page."""

from django.template.loader import render_to_string

from webapp.reports.pdf import picture
from webapp.reports.pdf_process import press
from webapp.reports.references import LAB
from webapp.reports.report import Paper
from webapp.reports.stylesheet import for_print


def card(paper: Paper) -> bytes:
    """A PNG of 1200 x 630: title, claim, the gap and what of it is recovered. Raises NotDrawn."""
    return press(
        render_to_string("paper/card.html", {"paper": paper, "lab": LAB, "gap": _gap(paper), "styles": for_print()}), "png"
    )


def _gap(paper: Paper) -> str:
    """Of the first pair; of several none, since one would stand for all."""
    first = paper.sections[0]
    return picture(first.gap) if first.gap and len(paper.sections) == 1 else ""
