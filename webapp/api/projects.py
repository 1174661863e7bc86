"""Projects in the API: list, create, change and delete. An experiment is moved by a change of the experiment."""

from datetime import datetime

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field

from training.spec import Problem
from webapp.actions import projects as project_actions
from webapp.api.datasets import Invalid
from webapp.api.experiments import by
from webapp.organising import queries
from webapp.organising.models import LONGEST_DESCRIPTION, LONGEST_NAME, Project

router = Router()


class ProjectOut(Schema):
    """A project. ``description`` is Markdown; ``experiments`` counts those that are not archived."""

    id: int
    name: str
    description: str
    owner: str
    created_at: datetime
    experiments: int


class ProjectsOut(Schema):
    projects: list[ProjectOut]


class NewProject(Schema):
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    description: str = Field("", max_length=LONGEST_DESCRIPTION, description="Markdown.")


class ProjectChangeIn(Schema):
    """Changes of a project; fields that are left out do not change."""

    name: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    description: str | None = Field(None, max_length=LONGEST_DESCRIPTION)


def project_out(project: Project, experiments: int) -> ProjectOut:
    return ProjectOut(
        id=project.pk,
        name=project.name,
        description=project.description,
        owner=str(project.owner),
        created_at=project.created_at,
        experiments=experiments,
    )


@router.get("/projects", response=ProjectsOut)
def listing(request: HttpRequest) -> ProjectsOut:
    """List the projects of the team by name."""
    projects = list(queries.projects()[: queries.MOST_PROJECTS])
    counts = queries.sizes(projects)
    return ProjectsOut(projects=[project_out(project, counts.get(project.pk, 0)) for project in projects])


@router.post("/projects", response={201: ProjectOut})
def create(request: HttpRequest, project: NewProject) -> Status[ProjectOut]:
    """Create a project. Its name differs from those of all other projects, whatever their case."""
    try:
        return Status(201, project_out(project_actions.create(by(request), project.name, project.description), 0))
    except ValueError as error:
        raise Invalid(Problem("name", str(error))) from None


@router.patch("/projects/{project_id}", response=ProjectOut)
def change(request: HttpRequest, project_id: int, change: ProjectChangeIn) -> ProjectOut:
    """Change the name or the description of a project; every member may."""
    project = get_object_or_404(Project.objects.select_related("owner"), pk=project_id)
    name = project.name if change.name is None else change.name
    description = project.description if change.description is None else change.description
    try:
        project_actions.change(project, name, description, by(request))
    except ValueError as error:
        raise Invalid(Problem("name", str(error))) from None
    return project_out(project, queries.sizes([project]).get(project.pk, 0))


@router.delete("/projects/{project_id}", response={204: None})
def delete(request: HttpRequest, project_id: int) -> Status[None]:
    """Delete a project. Its experiments stay, in no project."""
    project_actions.delete(get_object_or_404(Project, pk=project_id), by(request))
    return Status(204, None)
