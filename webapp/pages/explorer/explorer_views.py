"""The pages of disagreements: the matrix with its examples, one example with tags and notes, and exports."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.access import NOT_YOUR_WRITING, Access, demand, demand_truth, member, owns, viewer
from webapp.actions import attributions as attribution_actions
from webapp.example_queries.export import SUFFIXES
from webapp.example_queries.refusal import Refused
from webapp.example_queries.rows import Labelled
from webapp.example_queries.view import View
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.explorer.download import download
from webapp.explorer.editing import edit_note
from webapp.explorer.example_page import CHART, example_page
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import OpenView, Preparing, exported, open_view
from webapp.explorer.page import explored
from webapp.explorer.picture import picture_of
from webapp.explorer.titles import Subject
from webapp.explorer.view_address import read_view
from webapp.notes import services as notes
from webapp.notes.models import REPORT, WRONG, Note, Tag
from webapp.pages.explorer.attributions import WordsPage
from webapp.pages.explorer.marked_wrong import MarkedPage
from webapp.pages.explorer.nearest_examples import Nearby
from webapp.pages.explorer.occlusions import OcclusionPage
from webapp.parsing import whole


@viewer
def explorer(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a view. Empty fields of a form are removed from the address."""
    experiment = experiment_of(request, pk)
    finished = FinishedModels(experiment)
    view, problems = read_view(request.GET, finished.classes)
    if not problems and not request.htmx and "" in request.GET.values():  # type: ignore[attr-defined]
        return redirect(f"{request.path}?{view.query()}")
    context = {**place_of(experiment), "problems": problems, "report": REPORT}
    try:
        context["page"], refused = explored(finished, view)
        context["problems"] = [*problems, *refused]
    except Missing as missing:
        context["missing"] = str(missing)
    except Preparing:
        context["preparing"] = True
    wrong = bool(context["problems"]) and not request.htmx  # type: ignore[attr-defined]
    answer = render(request, "pages/explorer.html", context, status=422 if wrong else 200)
    if not context["problems"] and "page" in context:
        answer["HX-Push-Url"] = f"{request.path}?{context['page'].query}".rstrip("?")
    return answer


@viewer
def export(request: HttpRequest, pk: int, how: str) -> HttpResponseBase:
    """Return the whole view as a file."""
    if how not in SUFFIXES:
        raise Http404
    experiment = experiment_of(request, pk)
    view, problems = read_view(request.GET)
    if problems:
        raise Http404(problems[0].message)
    try:
        file = exported(FinishedModels(experiment), view, how)
    except (Missing, Refused) as error:
        raise Http404(str(error)) from error
    return download(file, f"experiment-{pk}-examples.{SUFFIXES[how]}")


@viewer
def marked_examples(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the result without the examples that are marked as wrong, beside the original."""
    experiment = experiment_of(request, pk)
    context: dict[str, Any] = {"experiment": experiment, "tag": WRONG}
    try:
        context["page"] = MarkedPage(experiment)
    except Missing as missing:
        context["missing"] = str(missing)
    return render(request, "pages/marked.html", context)


@viewer
def example(request: HttpRequest, pk: int, example: int) -> HttpResponse:
    """Show an example within the view of the address."""
    return _example(request, pk, example)


@viewer
def picture(request: HttpRequest, pk: int, example: int) -> HttpResponse:
    """Return the thumbnail of an example of a data set of images."""
    experiment = experiment_of(request, pk)
    try:
        return picture_of(FinishedModels(experiment), example)
    except (Missing, LookupError) as error:
        raise Http404(str(error)) from error


def _example(request: HttpRequest, pk: int, example: int, wrong: str = "", typed: str = "") -> HttpResponse:
    experiment = experiment_of(request, pk)
    view, _ = read_view(request.GET)
    try:
        with open_view(FinishedModels(experiment), view) as opened_view:
            page = example_page(opened_view, example)
    except (Missing, Refused, LookupError) as error:
        raise Http404(str(error)) from error
    context = {**place_of(experiment), "page": page, "chart_id": CHART, "wrong": wrong, "typed": typed, "report": REPORT}
    return render(request, "pages/example.html", context, status=422 if wrong else 200)


@viewer
def nearby(request: HttpRequest, pk: int, example: int) -> HttpResponse:
    """Return the most similar examples of half B. The page requests them after it is shown, as they take time."""
    experiment = experiment_of(request, pk)
    view, _ = read_view(request.GET)
    try:
        with open_view(FinishedModels(experiment), view.but(q="")) as opened_view:
            if opened_view.slice.example(example) is None:
                raise Http404
            page = Nearby(opened_view, example)
    except (Missing, FileNotFoundError) as error:
        raise Http404(str(error)) from error
    there = View(weak=view.weak, student=view.student, ceiling=view.ceiling, split="transfer").query()
    return render(request, "partials/nearby.html", {**place_of(experiment), "page": page, "transfer": there})


@viewer
def words(request: HttpRequest, pk: int, example: int) -> HttpResponse:
    """Show the attribution of the answers to words or parts of an image, as far as it is known; a POST requests it."""
    experiment = experiment_of(request, pk)
    view, _ = read_view(request.GET)
    try:
        with open_view(FinishedModels(experiment), view) as opened_view:
            if not isinstance(opened_view.slice.example(example), Labelled):
                raise Http404
            made = _attributions(opened_view)
            if request.method == "POST":
                demand(request.user, Access.MEMBER)
                attribution_actions.request(opened_view.triplet.keys, example)
            page = made(opened_view, example)
    except (Missing, Refused, LookupError) as error:
        raise Http404(str(error)) from error
    if request.method == "POST" and not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{reverse('example', args=[pk, example])}?{view.query()}#words")
    return render(request, page.template, {**place_of(experiment), "page": page})


def _attributions(opened: OpenView) -> type[WordsPage | OcclusionPage]:
    """Return the page of attributions to words or to parts of images. Raises LookupError where there are neither."""
    if opened.slice.about.worded:
        return WordsPage
    if Subject(opened).noun != "image":
        raise LookupError("Rows of features have no parts that could be left out.")
    return OcclusionPage


@member
@require_POST
def write(request: HttpRequest, pk: int, example: int) -> HttpResponse:
    """Add or remove a tag, or add, edit or remove a note; then return to the same place of the page."""
    assert isinstance(request.user, User)
    experiment = experiment_of(request, pk)
    view, _ = read_view(request.GET)
    try:
        with open_view(FinishedModels(experiment), view) as opened_view:
            if opened_view.slice.example(example) is None:
                raise Http404
            fingerprint = opened_view.fingerprint
    except (Missing, Refused) as error:
        raise Http404(str(error)) from error
    done, given = request.POST.get("do", ""), request.POST.get("text", "")
    try:
        match done:
            case "tag":
                notes.tag(request.user, fingerprint, example, given)
            case "untag":
                _take_away(request, notes.tag_of(fingerprint, example, given))
            case "note":
                notes.note(request.user, fingerprint, example, given)
            case "remove" if (number := whole(given)) is not None:
                _take_away(request, Note.objects.filter(pk=number).first())
            case "edit" if (number := whole(request.POST.get("note", ""))) is not None:
                edit_note(request.user, get_object_or_404(Note, pk=number, fingerprint=fingerprint, example=example), given)
    except ValueError as error:
        return _example(request, pk, example, str(error), given if done == "note" else "")
    if request.POST.get("from") == "list":
        return redirect(f"{reverse('explorer', args=[pk])}?{view.query()}#row-{example}")
    there = "" if request.POST.get("from") == "example" else "#notes"
    return redirect(f"{reverse('example', args=[pk, example])}?{view.query()}{there}")


def _take_away(request: HttpRequest, written: Note | Tag | None) -> None:
    if written is None:
        return
    if not owns(request.user, written.author_id):
        raise PermissionDenied(NOT_YOUR_WRITING)
    written.delete()


def place_of(experiment: Experiment) -> dict[str, Any]:
    """The addresses of the pages and the page that they lead back to; those of a share are different."""
    back, home = (reverse(name, args=[experiment.pk]) for name in ("experiment", "explorer"))
    return {"experiment": experiment, "back": back, "home": home}


def experiment_of(request: HttpRequest, pk: int) -> Experiment:
    experiment = get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
    demand_truth(request.user, experiment)
    return experiment
