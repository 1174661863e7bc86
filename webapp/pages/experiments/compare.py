"""Several experiments beside each other, and the boards of methods over all results."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.access import viewer
from webapp.experiments import queries
from webapp.findings.boards import boards
from webapp.findings.comparing import Comparison
from webapp.findings.imported_notes import by_experiment
from webapp.pages.experiments.setting_differences import differing
from webapp.parsing import whole

MOST = 50


@viewer
def compare(request: HttpRequest) -> HttpResponse:
    """Those that the address names, of those that the account may see; the others are left out with a word."""
    typed = (whole(number) for number in request.GET.getlist("e"))
    asked = list(dict.fromkeys(number for number in typed if number is not None))[:MOST]
    known = queries.visible(request.user).select_related("owner").in_bulk(asked)
    found = [known[pk] for pk in asked if pk in known]
    page = Comparison(found)
    context: dict[str, Any] = {"page": page, "settings": differing(page.specs), "asked": asked}
    context["unknown"] = [pk for pk in asked if pk not in known]
    context["elsewhere"] = by_experiment(found)
    return render(request, "pages/compare.html", context)


@viewer
def leaderboard(request: HttpRequest) -> HttpResponse:
    found, alone = boards(queries.visible(request.user).filter(result__isnull=False).select_related("owner"))
    shown = {one.pk: one for board in found for entry in board.lines for one in entry.experiments}
    context = {"boards": found, "alone": alone, "elsewhere": by_experiment(shown.values())}
    return render(request, "pages/leaderboard.html", context)
