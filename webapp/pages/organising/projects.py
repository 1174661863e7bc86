"""The pages of projects: the list, one project with its experiments, and the form that creates, changes and deletes one."""

from html import unescape
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.text import Truncator

from webapp.access import member, owns, viewer
from webapp.actions import projects as project_actions
from webapp.findings.wording import count
from webapp.organising import queries
from webapp.organising.models import LONGEST_DESCRIPTION, LONGEST_NAME, Project
from webapp.pages.experiments.list_address import ListAddress
from webapp.pages.experiments.list_views import list_page
from webapp.reports.markdown import html

PER_PAGE = 50
LONGEST_BEGINNING, SHOWN_CHARACTERS = 400, 120


@viewer
def projects(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.projects(), PER_PAGE).get_page(request.GET.get("page"))
    sizes, active = queries.sizes(page), queries.active(page)
    lines = [(project, beginning(project), sizes.get(project.pk, 0), active.get(project.pk, 0)) for project in page]
    return render(request, "pages/projects.html", {"page": page, "lines": lines})


def beginning(project: Project) -> str:
    """Return the first words of the description, without its Markdown."""
    return Truncator(unescape(strip_tags(html(project.description[:LONGEST_BEGINNING])))).chars(SHOWN_CHARACTERS)


@viewer
def project(request: HttpRequest, pk: int) -> HttpResponse:
    project = get_object_or_404(queries.projects(), pk=pk)
    address = ListAddress.read(request.GET, reverse("project", args=[pk]), {"project": str(pk)})
    return list_page(request, address, "pages/project.html", {"project": project, "description": html(project.description)})


@member
def new_project(request: HttpRequest) -> HttpResponse:
    """Show the form of a new project, and create one from a submitted form."""
    if request.method == "POST":
        assert isinstance(request.user, User)
        name, description = _sent(request)
        try:
            created = project_actions.create(request.user, name, description)
        except ValueError as error:
            return _form(request, None, name, description, str(error))
        return redirect("project", created.pk)
    return _form(request, None, "", "")


@member
def manage_project(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form of a project, and change or delete it."""
    project = get_object_or_404(Project, pk=pk)
    if request.method != "POST":
        return _form(request, project, project.name, project.description)
    assert isinstance(request.user, User)
    if request.POST.get("do") == "delete":
        project_actions.delete(project, request.user)
        messages.info(request, f"The project {project.name} is deleted. Its experiments are kept.")
        return redirect("projects")
    name, description = _sent(request)
    try:
        project_actions.change(project, name, description, request.user)
    except ValueError as error:
        return _form(request, project, name, description, str(error))
    return redirect("project", pk)


def _sent(request: HttpRequest) -> tuple[str, str]:
    return request.POST.get("name", ""), request.POST.get("description", "")


def _form(request: HttpRequest, project: Project | None, name: str, description: str, wrong: str = "") -> HttpResponse:
    context: dict[str, Any] = {"project": project, "name": name, "description": description, "wrong": wrong}
    context |= {"longest_name": LONGEST_NAME, "longest_description": LONGEST_DESCRIPTION}
    if project:
        context["deletes"] = owns(request.user, project.owner_id)
        number = project.experiments.count()
        context["experiments"] = count(number, "experiment") if number else ""
    return render(request, "pages/project_form.html", context, status=422 if wrong else 200)
