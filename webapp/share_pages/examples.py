"""The examples of a frozen share: the matrix with its list, one example, and files, for readers who only look."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from webapp.example_queries.export import SUFFIXES
from webapp.example_queries.search import Refused
from webapp.explorer.download import download
from webapp.explorer.example import CHART, ExamplePage
from webapp.explorer.finished_models import Cast, Missing
from webapp.explorer.open_view import Preparing, exported, look
from webapp.explorer.page import explored, read_view
from webapp.share_pages.shown_version import Seen
from webapp.share_pages.views import ways_back


def explorer(request: HttpRequest, seen: Seen) -> HttpResponse:
    cast = _cast(seen)
    view, problems = read_view(request.GET)
    if not problems and not request.htmx and "" in request.GET.values():  # type: ignore[attr-defined]
        return redirect(f"{request.path}?{view.query()}")
    context: dict[str, Any] = {**_place(request, seen, cast), "problems": problems}
    try:
        context["page"], refused = explored(cast, view)
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
    cast = _cast(seen)
    view, _ = read_view(request.GET)
    try:
        with look(cast, view) as found:
            page = ExamplePage(found, example)
    except (Missing, Refused, LookupError):
        raise Http404 from None
    return render(request, "pages/example.html", {**_place(request, seen, cast), "page": page, "chart_id": CHART})


def export(request: HttpRequest, seen: Seen, how: str) -> Any:
    """The whole view as a file."""
    view, problems = read_view(request.GET)
    if how not in SUFFIXES or problems:
        raise Http404
    try:
        file = exported(_cast(seen), view, how)
    except (Missing, Refused):
        raise Http404 from None
    return download(file, f"{seen.share.slug}-examples.{SUFFIXES[how]}")


def _cast(seen: Seen) -> Cast:
    cast = seen.frozen.cast if seen.frozen else None
    if cast is None:
        raise Http404("This share shows no examples but the highlights.")
    return cast


def _place(request: HttpRequest, seen: Seen, cast: Cast) -> dict[str, Any]:
    back = ways_back(request, seen)
    return {
        "experiment": cast.experiment,
        "access": seen.access,
        "of_experiment": back.get("experiment", ""),
        "manage": back.get("manage", ""),
        "shell": "shares/shell.html",
        "shared": True,
        "back": seen.base,
        "home": f"{seen.base}examples/",
        "share_title": seen.paper.title,
        "hand_picked": seen.paper.examples == "some",
    }
