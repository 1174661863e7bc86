"""The choice of a project in a form."""

from functools import cached_property

from django.http import Http404, HttpRequest

from webapp.experiments.models import Experiment
from webapp.organising import queries
from webapp.organising.models import Project
from webapp.parsing import whole


class ProjectChoice:
    """The projects to choose from, and the chosen one: as it was sent, as the address says, or that of ``experiment``."""

    def __init__(self, request: HttpRequest, experiment: Experiment | None) -> None:
        sent = request.POST.get("project", request.GET.get("project"))
        self.project = (experiment.project if experiment else None) if sent is None else _known(sent)

    @cached_property
    def options(self) -> list[Project]:
        """The first projects by name, and the chosen one."""
        options = list(queries.projects()[: queries.MOST_PROJECTS])
        return options if self.project is None or self.project in options else [*options, self.project]


def _known(sent: str) -> Project | None:
    """Return the project with the number that was sent; None for an empty text. Raises Http404."""
    if not sent:
        return None
    project = Project.objects.filter(pk=whole(sent) or 0).first()
    if project is None:
        raise Http404("There is no such project.")
    return project
