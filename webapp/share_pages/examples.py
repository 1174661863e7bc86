"""The examples of a frozen share: the matrix with its list, one example, and files, for readers who only look."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from webapp.example_queries.export import SUFFIXES
from webapp.example_queries.search import Refused
from webapp.explorer.download import download
from webapp.explorer.example import CHART, ExamplePage
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import Preparing, exported, open_view
from webapp.explorer.page import explored, read_view
from webapp.share_pages.shown_version import Seen
from webapp.share_pages.views import ways_back


def explorer(request: HttpRequest, seen: Seen) -> HttpResponse:
    finished = _finished_models(seen)
    view, problems = read_view(request.GET)
    if not problems and not request.htmx and "" in request.GET.values():  # type: ignore[attr-defined]
        return redirect(f"{request.path}?{view.query()}")
    context: dict[str, Any] = {**_place(request, seen, finished), "problems": problems}
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


def example(request: HttpRequest, seen: Seen, example: int) -> HttpResponse:
    finished = _finished_models(seen)
    view, _ = read_view(request.GET)
    try:
        with open_view(finished, view) as found:
            page = ExamplePage(found, example)
    except (Missing, Refused, LookupError):
        raise Http404 from None
    return render(request, "pages/example.html", {**_place(request, seen, finished), "page": page, "chart_id": CHART})


def export(request: HttpRequest, seen: Seen, how: str) -> Any:
    """The whole view as a file."""
    view, problems = read_view(request.GET)
    if how not in SUFFIXES or problems:
        raise Http404
    try:
        file = exported(_finished_models(seen), view, how)
    except (Missing, Refused):
        raise Http404 from None
    return download(file, f"{seen.share.slug}-examples.{SUFFIXES[how]}")


def _finished_models(seen: Seen) -> FinishedModels:
    finished = seen.frozen.finished if seen.frozen else None
    if finished is None:
        raise Http404("This share shows no examples but the highlights.")
    return finished


def _place(request: HttpRequest, seen: Seen, finished: FinishedModels) -> dict[str, Any]:
    back = ways_back(request, seen)
    return {
        "experiment": finished.experiment,
        "access": seen.access,
        "of_experiment": back.get("experiment", ""),
        "manage": back.get("manage", ""),
        "shell": "sharing/shell.html",
        "shared": True,
        "back": seen.base,
        "home": f"{seen.base}examples/",
        "share_title": seen.paper.title,
        "hand_picked": seen.paper.examples == "some",
    }
