"""Examples in the API: counts and rows of a view, a single example, and exports. The query is that of the page."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router
from ninja.errors import HttpError

from training.spec import Problem
from webapp.access import demand_truth
from webapp.api.datasets import Invalid
from webapp.api.example_schemas import (
    ClassesOut,
    ClassOut,
    ConfusionOut,
    CountsOut,
    ExampleWithNotesOut,
    PageOut,
    counts_out,
    examples_out,
    note_out,
)
from webapp.example_queries.confusions import confusions_of
from webapp.example_queries.export import SUFFIXES, Format
from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.refusal import Refused
from webapp.example_queries.view import View
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.explorer.classes import NO_CLASSES
from webapp.explorer.download import download
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import OpenView, exported, open_view
from webapp.explorer.picture import picture_of
from webapp.notes import queries as notes

router = Router()


def known(request: HttpRequest, experiment_id: int) -> Experiment:
    """Return the experiment. Raise Http404, PermissionDenied if it is blind, Invalid for an unknown name in the query."""
    unknown = sorted(set(request.GET) - set(View.model_fields) - {"how"})
    if unknown:
        raise Invalid(*(Problem(name, "This is not a setting.") for name in unknown))
    experiment = get_object_or_404(queries.visible(request.user), pk=experiment_id)
    demand_truth(request.user, experiment)
    return experiment


@contextmanager
def opened(request: HttpRequest, experiment_id: int, view: View) -> Iterator[OpenView]:
    """Open the view. Raise HttpError if there are no examples, and Invalid for a search that is not possible."""
    experiment = known(request, experiment_id)
    try:
        with open_view(FinishedModels(experiment), view) as opened_view:
            yield opened_view
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except Refused as refused:
        raise Invalid(refused.problem) from None


@router.get("/experiments/{experiment_id}/examples", response=PageOut)
def examples(request: HttpRequest, experiment_id: int, view: Query[View]) -> PageOut:
    """Return a page of the view, with the counts and measures of the whole view."""
    with opened(request, experiment_id, view) as opened_view:
        page = opened_view.page
        after = page.examples[-1].cursor if page.more else None
        return PageOut(counts=counts_out(opened_view), examples=examples_out(opened_view, page.examples), after=after)


@router.get("/experiments/{experiment_id}/examples/counts", response=CountsOut)
def counts(request: HttpRequest, experiment_id: int, view: Query[View]) -> CountsOut:
    """Return the number of examples of the view by cell, and the measures of the models on them."""
    with opened(request, experiment_id, view) as opened_view:
        return counts_out(opened_view)


@router.get("/experiments/{experiment_id}/examples/export")
def export(request: HttpRequest, experiment_id: int, how: Format, view: Query[View]) -> HttpResponseBase:
    """Export all rows of the view as CSV, JSON lines, Parquet, or a zipped folder for the library datasets."""
    experiment = known(request, experiment_id)
    try:
        file = exported(FinishedModels(experiment), view, how)
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except Refused as refused:
        raise Invalid(refused.problem) from None
    return download(file, f"experiment-{experiment_id}-examples.{SUFFIXES[how]}")


@router.get("/experiments/{experiment_id}/examples/classes", response=ClassesOut)
def classes(request: HttpRequest, experiment_id: int, view: Query[View]) -> ClassesOut:
    """Return the confusions of the view and its classes. Experiments with written answers have none (404)."""
    with opened(request, experiment_id, view) as opened_view:
        if opened_view.slice.about.kind is WRITTEN:
            raise HttpError(404, NO_CLASSES)
        confusions = confusions_of(opened_view.slice)
        return ClassesOut(
            weak=[ConfusionOut(**vars(each)) for each in confusions.weak],
            student=[ConfusionOut(**vars(each)) for each in confusions.student],
            classes=[ClassOut(**vars(each)) for each in confusions.classes],
        )


FILE = {"schema": {"type": "string", "format": "binary"}}
PICTURE = {"responses": {200: {"description": "The thumbnail.", "content": {"image/png": FILE, "image/jpeg": FILE}}}}


@router.get("/experiments/{experiment_id}/examples/{example_id}/picture", openapi_extra=PICTURE)
def picture(request: HttpRequest, experiment_id: int, example_id: int) -> HttpResponse:
    """Return the thumbnail of an example of a data set of images: a PNG or JPEG file of at most 128 pixels a side.

    It is answered to those who may read the example. Examples without an image have none (404).
    """
    experiment = get_object_or_404(queries.visible(request.user), pk=experiment_id)
    demand_truth(request.user, experiment)
    try:
        return picture_of(FinishedModels(experiment), example_id)
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except LookupError:
        raise HttpError(404, "This example has no image.") from None


@router.get("/experiments/{experiment_id}/examples/{example_id}", response=ExampleWithNotesOut)
def example(request: HttpRequest, experiment_id: int, example_id: int, view: Query[View]) -> ExampleWithNotesOut:
    """Return an example with the answers of the models of the view, its tags and its notes."""
    with opened(request, experiment_id, view) as opened_view:
        selected = opened_view.slice.example(example_id)
        if selected is None:
            raise Http404
        written = [note_out(note) for note in notes.notes_of(opened_view.fingerprint, example_id)]
        return ExampleWithNotesOut(example=examples_out(opened_view, [selected])[0], notes=written)
