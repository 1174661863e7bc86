"""Creating, changing and deleting projects, and moving experiments between them: the project, then the audit log."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from webapp.access import NOT_YOUR_PROJECT, owns
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments.models import Experiment
from webapp.organising import services
from webapp.organising.models import Project


@transaction.atomic
def create(owner: User, name: str, description: str = "") -> Project:
    """Raises ValueError with a sentence for a name that no project may have or that another one has."""
    project = services.create_project(owner, name, description)
    tell(owner, Verb.CREATED, "project", project.pk, project.name)
    return project


@transaction.atomic
def change(project: Project, name: str, description: str, by: User) -> None:
    """Change name and description. Raises ValueError as ``create`` does."""
    before = project.name, project.description
    services.change_project(project, name, description)
    if project.name != before[0]:
        tell(by, Verb.RENAMED, "project", project.pk, project.name, before=before[0])
    if project.description != before[1]:
        tell(by, Verb.CHANGED, "project", project.pk, project.name, before=before[1][:200])


@transaction.atomic
def delete(project: Project, by: User) -> None:
    """Delete the project; its experiments stay. Raises PermissionDenied for all but its owner and administrators."""
    if not owns(by, project.owner_id):
        raise PermissionDenied(NOT_YOUR_PROJECT)
    pk, experiments = project.pk, project.experiments.count()
    project.delete()
    tell(by, Verb.DELETED, "project", pk, project.name, experiments=experiments)


@transaction.atomic
def move(experiment: Experiment, project: Project | None, by: User) -> bool:
    """Put the experiment into the project, or into none. Return False if it is there already."""
    if experiment.project_id == (project.pk if project else None):
        return False
    before = experiment.project
    services.move(experiment, project)
    moved = {"to": project.name if project else "none", "before": before.name if before else None}
    tell(by, Verb.PROJECT_CHANGED, "experiment", experiment.pk, experiment.name, **moved)
    return True
