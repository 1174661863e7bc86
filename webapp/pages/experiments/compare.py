"""Several experiments side by side, and the leaderboards of methods over all results."""

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
    """Compare the experiments in the address that the account may see; the page names the others."""
    typed = (whole(number) for number in request.GET.getlist("e"))
    numbers = list(dict.fromkeys(number for number in typed if number is not None))[:MOST]
    known = queries.visible(request.user).select_related("owner").in_bulk(numbers)
    experiments = [known[pk] for pk in numbers if pk in known]
    page = Comparison(experiments)
    context: dict[str, Any] = {"page": page, "settings": differing(page.specs)}
    context["unknown"] = [pk for pk in numbers if pk not in known]
    context["elsewhere"] = by_experiment(experiments)
    return render(request, "pages/compare.html", context)


@viewer
def leaderboard(request: HttpRequest) -> HttpResponse:
    all_boards, alone = boards(queries.visible(request.user).filter(result__isnull=False).select_related("owner"))
    shown = {experiment.pk: experiment for board in all_boards for entry in board.lines for experiment in entry.experiments}
    context = {"boards": all_boards, "alone": alone, "elsewhere": by_experiment(shown.values())}
    return render(request, "pages/leaderboard.html", context)
