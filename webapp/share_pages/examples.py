"""The examples of a frozen share: the matrix with its list, one example, and files, without any change by the reader."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from webapp.example_queries.export import SUFFIXES
from webapp.example_queries.refusal import Refused
from webapp.explorer.classes import ClassesPage, classes_page
from webapp.explorer.download import download
from webapp.explorer.example_page import CHART, example_page
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import Preparing, exported, open_view
from webapp.explorer.page import explored
from webapp.explorer.picture import picture_of
from webapp.explorer.view_address import read_view
from webapp.imports import blind
from webapp.share_pages.shown_version import ShownVersion
from webapp.share_pages.views import ways_back


def explorer(request: HttpRequest, shown: ShownVersion) -> HttpResponse:
    finished = _finished_models(shown)
    view, problems = read_view(request.GET, finished.classes)
    if not problems and not request.htmx and "" in request.GET.values():  # type: ignore[attr-defined]
        return redirect(f"{request.path}?{view.query()}")
    context: dict[str, Any] = {**_place(request, shown, finished), "problems": problems}
    try:
        context["page"], refused = explored(finished, view)
        context["problems"] = [*problems, *refused]
    except Missing:
        raise Http404 from None
    except Preparing:
        context["preparing"] = True
    answer = render(request, "pages/explorer.html", context)
    if not context["problems"] and "page" in context:
        answer["HX-Push-Url"] = f"{request.path}?{context['page'].query}".rstrip("?")
    return answer


def example(request: HttpRequest, shown: ShownVersion, example: int) -> HttpResponse:
    finished = _finished_models(shown)
    view, _ = read_view(request.GET)
    try:
        with open_view(finished, view) as opened:
            page = example_page(opened, example)
    except (Missing, Refused, LookupError):
        raise Http404 from None
    return render(request, "pages/example.html", {**_place(request, shown, finished), "page": page, "chart_id": CHART})


def picture(request: HttpRequest, shown: ShownVersion, example: int) -> HttpResponse:
    """Return the thumbnail of an example of a data set of images."""
    try:
        return picture_of(_finished_models(shown), example)
    except (Missing, LookupError):
        raise Http404 from None


def classes(request: HttpRequest, shown: ShownVersion) -> HttpResponse:
    """Show the confusions and the classes of the view of the address."""
    page = _classes_page(request, shown)
    return render(request, "pages/classes.html", {**_place(request, shown, _finished_models(shown)), "page": page})


def classes_file(request: HttpRequest, shown: ShownVersion) -> HttpResponse:
    """Return all classes as CSV."""
    return _classes_page(request, shown).file(f"{shown.share.slug}-classes.csv")


def _classes_page(request: HttpRequest, shown: ShownVersion) -> ClassesPage:
    """Return the page. Raise Http404 for examples chosen by hand, of which nothing is counted."""
    if shown.paper.examples == "some":
        raise Http404("Nothing is computed for examples chosen by hand.")
    try:
        return classes_page(_finished_models(shown), request.GET)
    except (Missing, Refused):
        raise Http404 from None


def export(request: HttpRequest, shown: ShownVersion, how: str) -> Any:
    """Return the whole view as a file."""
    view, problems = read_view(request.GET)
    if how not in SUFFIXES or problems:
        raise Http404
    try:
        file = exported(_finished_models(shown), view, how)
    except (Missing, Refused):
        raise Http404 from None
    return download(file, f"{shown.share.slug}-examples.{SUFFIXES[how]}")


def _finished_models(shown: ShownVersion) -> FinishedModels:
    finished = shown.frozen.finished if shown.frozen else None
    if finished is None:
        raise Http404("This share shows no examples but the highlights.")
    if blind.owner_of(finished.spec.data.name) is not None:
        raise Http404("The data set is blind by now: its examples are not shown.")
    return finished


def _place(request: HttpRequest, shown: ShownVersion, finished: FinishedModels) -> dict[str, Any]:
    back = ways_back(request, shown)
    return {
        "experiment": finished.experiment,
        "access": shown.access,
        "of_experiment": back.get("experiment", ""),
        "manage": back.get("manage", ""),
        "shell": "shares/shell.html",
        "shared": True,
        "back": shown.base,
        "home": f"{shown.base}examples/",
        "share_title": shown.paper.title,
        "hand_picked": shown.paper.examples == "some",
    }
