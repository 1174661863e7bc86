"""The page for renaming an experiment, changing its project and its budget, archiving and deleting it."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from pydantic import ValidationError

from training.spec import describe
from webapp.access import NOT_YOURS, may_change, member
from webapp.actions import experiments as experiment_actions
from webapp.actions import projects as project_actions
from webapp.experiments import queries
from webapp.experiments.lifecycle import AtWork
from webapp.experiments.models import Experiment
from webapp.pages.organising.choice import ProjectChoice
from webapp.parsing import decimal


@member
def manage(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the forms and handle them. Deleting requires the experiment's number, to prevent mistakes."""
    experiment = get_object_or_404(queries.visible(request.user).select_related("owner", "project"), pk=pk)
    if not may_change(request.user, experiment):
        raise PermissionDenied(NOT_YOURS)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        assert isinstance(request.user, User)
        act = ACTS.get(request.POST.get("do", ""), _rename)
        wrong = act(request, experiment, request.user)
        if not wrong:
            return redirect("experiment", pk) if experiment.pk else redirect("experiments")
    context = {"experiment": experiment, "wrong": wrong, "name": request.POST.get("name", experiment.name)}
    context["budget"] = request.POST.get("budget", "" if experiment.budget_hours is None else f"{experiment.budget_hours:g}")
    context["shared"] = queries.shared_runs(experiment)
    context["projects"] = ProjectChoice(request, experiment)
    return render(request, "pages/manage.html", context, status=422 if wrong else 200)


def _rename(request: HttpRequest, experiment: Experiment, by: User) -> dict[str, str]:
    try:
        experiment_actions.rename(experiment, request.POST.get("name", ""), by)
    except ValidationError as error:
        return {"name": " ".join(problem.message for problem in describe(error.errors()))}
    messages.info(request, "The experiment is renamed.")
    return {}


def _limit(request: HttpRequest, experiment: Experiment, by: User) -> dict[str, str]:
    typed = request.POST.get("budget", "").strip()
    hours = decimal(typed)
    try:
        if typed and hours is None:
            raise ValueError(typed)
        experiment_actions.limit(experiment, hours, by)
    except ValueError:
        return {"budget": "A budget is a number of accelerator-hours above zero, or empty for none."}
    messages.info(request, "The budget is changed." if typed else "The experiment has no budget any more.")
    return {}


def _move(request: HttpRequest, experiment: Experiment, by: User) -> dict[str, str]:
    project = ProjectChoice(request, experiment).project
    project_actions.move(experiment, project, by)
    messages.info(request, f"The experiment is in the project {project.name}." if project else "The experiment is in no project.")
    return {}


def _archive(request: HttpRequest, experiment: Experiment, by: User) -> dict[str, str]:
    archived = request.POST.get("archived") == "1"
    try:
        experiment_actions.archive(experiment, by, archived=archived)
    except AtWork as error:
        return {"archived": str(error)}
    messages.info(request, "The experiment is archived." if archived else "The experiment is in the lists again.")
    return {}


def _delete(request: HttpRequest, experiment: Experiment, by: User) -> dict[str, str]:
    pk = experiment.pk
    if request.POST.get("number", "").strip().lstrip("#") != str(pk):
        return {"number": f"Type {pk}, the number of the experiment."}
    try:
        experiment_actions.delete(experiment, by)
    except AtWork as error:
        return {"number": str(error)}
    experiment.pk = None
    messages.info(request, f"Experiment {pk} is deleted. Its runs are kept.")
    return {}


ACTS = {"delete": _delete, "limit": _limit, "move": _move, "archive": _archive}
