"""The page of classes of an experiment's examples, and its table as a file."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.access import viewer
from webapp.example_queries.refusal import Refused
from webapp.explorer.classes import classes_page
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.pages.explorer.explorer_views import experiment_of, place_of


@viewer
def classes(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the confusions and the classes of the view of the address."""
    experiment = experiment_of(request, pk)
    context = place_of(experiment)
    try:
        context["page"] = classes_page(FinishedModels(experiment), request.GET)
    except Missing as missing:
        context["missing"] = str(missing)
    except Refused as refused:
        raise Http404(str(refused)) from None
    return render(request, "pages/classes.html", context)


@viewer
def classes_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Return all classes as CSV."""
    try:
        page = classes_page(FinishedModels(experiment_of(request, pk)), request.GET)
    except (Missing, Refused) as error:
        raise Http404(str(error)) from None
    return page.file(f"experiment-{pk}-classes.csv")
