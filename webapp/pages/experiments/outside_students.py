"""The page of students from outside: what is handed out, the predictions that came back, and the budget of looks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from training.catalog.outside import About
from training.spec import MOST_SUBMISSIONS, Problem, describe
from webapp.access import NOT_YOURS, Access, access_of, demand, may_change, member, viewer
from webapp.actions import outside as outside_actions
from webapp.archives.handout import NotHandedOut, data_of, packed, supervisor_named
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.experiments.submissions import submissions_of
from webapp.explorer.download import download
from webapp.findings.wording import short_model
from webapp.pages.datasets.mapping_form import Input
from webapp.parsing import whole

FIELDS = {
    "name": ("Name", "What pages call the student: small letters, digits, - and _.", 0),
    "author": ("Author", "", 0),
    "text": ("How they were made", "The method in the words of its author, for pages and reports.", 5),
}

SOURCES = {"source": "author"}
"""Fields of the description by the field of the form that gives them."""


@viewer
def outside(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what is handed out and what came back; a POST submits predictions."""
    experiment = _experiment(request, pk)
    if request.method == "POST":
        demand(request.user, Access.MEMBER)
        try:
            return _submitted(request, experiment)
        except ValidationError as invalid:
            problems = describe(invalid.errors())
            return _page(request, experiment, problems, error=" ".join(problem.message for problem in problems))
        except ValueError as error:
            return _page(request, experiment, error=str(error))
    return _page(request, experiment)


def _page(request: HttpRequest, experiment: Experiment, problems: Sequence[Problem] = (), **refusal: str) -> HttpResponse:
    known, values = submissions_of(experiment.experiment_spec), request.POST
    context: dict[str, Any] = {
        "experiment": experiment,
        "submissions": known,
        "left": max(0, experiment.look_budget - len(known)),
        "closed": _closed(experiment),
        "supervisors": [(name, short_model(name)) for name in experiment.experiment_spec.weak.models],
        "inputs": [
            Input(
                name,
                title,
                words,
                values.get(name, ""),
                lines=lines,
                problems=[problem.message for problem in problems if SOURCES.get(problem.path, problem.path) == name],
            )
            for name, (title, words, lines) in FIELDS.items()
        ],
        "changes": may_change(request.user, experiment),
        "submits": access_of(request.user) >= Access.MEMBER,
        **refusal,
    }
    return render(request, "pages/outside_students.html", context, status=422 if refusal else 200)


def _closed(experiment: Experiment) -> str:
    """Return the reason why nothing is handed out now, empty if something is."""
    try:
        data_of(experiment)
    except NotHandedOut as reason:
        return str(reason)
    return ""


def _submitted(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    assert isinstance(request.user, User)
    files = [file for file in request.FILES.getlist("file") if isinstance(file, TemporaryUploadedFile)]
    if not files:
        raise ValueError("Choose a file.")
    sent = {name: request.POST.get(name, "").strip() for name in FIELDS}
    about = About(**sent, source=sent["author"])
    paths = [(Path(file.temporary_file_path()), file.name or "") for file in files]
    weak = supervisor_named(experiment, request.POST.get("weak", ""))
    card, _ = outside_actions.submit(request.user, experiment, paths, about, weak)
    messages.info(request, f"“{card.name}” is submitted: the result has it as a student as soon as a worker has read it.")
    return redirect("experiment", experiment.pk)


@viewer
def handout(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return the zip file with weak labels and test texts."""
    experiment = _experiment(request, pk)
    try:
        return download(packed(experiment, request.GET.get("weak", "")), f"experiment-{pk}-handout.zip")
    except NotHandedOut as error:
        raise Http404(str(error)) from error


@member
@require_POST
def look_budget(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the budget of looks at the test set."""
    experiment = _experiment(request, pk)
    if not may_change(request.user, experiment):
        raise PermissionDenied(NOT_YOURS)
    assert isinstance(request.user, User)
    number = whole(request.POST.get("looks", ""), high=MOST_SUBMISSIONS)
    if number is None:
        return _page(request, experiment, wrong_budget=f"The number of looks is a whole number from 0 to {MOST_SUBMISSIONS}.")
    outside_actions.set_look_budget(experiment, number, request.user)
    return redirect("outside-students", pk)


def _experiment(request: HttpRequest, pk: int) -> Experiment:
    return get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
