"""Every write to projects, tags of experiments, favourites and saved views. Invalid input raises ValueError with a sentence."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import QueryDict

from training.readable_names import readable
from webapp.experiments.changes import changing, list_changed
from webapp.experiments.models import Experiment
from webapp.organising.models import (
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    LONGEST_QUERY,
    MOST_TAGS,
    MOST_VIEWS,
    ExperimentTag,
    Favourite,
    Project,
    SavedView,
)

PLACE_IN_LIST = ("page", "after", "before")
"""Parameters of the list's address that say which page of it is shown, not which experiments it has."""


def create_project(owner: User, name: str, description: str = "") -> Project:
    return _stored(Project(owner=owner, name=_name(name), description=_description(description)))


def change_project(project: Project, name: str, description: str) -> None:
    project.name, project.description = _name(name), _description(description)
    _stored(project)


def _stored(project: Project) -> Project:
    others = Project.objects.exclude(pk=project.pk).values_list("name", flat=True)
    if project.name.casefold() in (name.casefold() for name in others):  # SQLite knows the case of ASCII alone
        raise ValueError("Another project has this name.")
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError:
        raise ValueError("Another project has this name.") from None
    return project


@changing()
def move(experiment: Experiment, project: Project | None) -> None:
    """Put the experiment into the project, out of the one that it was in; None takes it out of every project."""
    experiment.project = project
    experiment.save(update_fields=["project"])
    list_changed()


@changing()
def tag(author: User, experiment: Experiment, name: str) -> bool:
    """Add the tag, named as notes.services.tag_name names it, to the experiment. Return False if it has the tag already."""
    names = set(experiment.tags.values_list("name", flat=True))
    if name in names:
        return False
    if len(names) >= MOST_TAGS:
        raise ValueError(f"An experiment has at most {MOST_TAGS} tags.")
    _, new = ExperimentTag.objects.get_or_create(experiment=experiment, name=name, defaults={"author": author})
    list_changed()
    return new


@changing()
def untag(tag: ExperimentTag) -> None:
    tag.delete()
    list_changed()


def copy_tags(author: User, source: Experiment, target: Experiment) -> None:
    """Give the tags of ``source`` to ``target``, which has none."""
    names = source.tags.values_list("name", flat=True)
    ExperimentTag.objects.bulk_create([ExperimentTag(experiment=target, name=name, author=author) for name in names])


def set_favourite(account: User, experiment: Experiment, favourite: bool) -> None:
    if favourite:
        Favourite.objects.get_or_create(account=account, experiment=experiment)
    else:
        Favourite.objects.filter(account=account, experiment=experiment).delete()


def save_view(owner: User, name: str, query: str, shared: bool) -> SavedView:
    """Save the list of experiments with the ``query`` of its address; a view of the owner with the same name is replaced."""
    name, query = _name(name), view_query(query)
    others = SavedView.objects.filter(owner=owner).exclude(name=name)
    if others.count() >= MOST_VIEWS:
        raise ValueError(f"An account has at most {MOST_VIEWS} saved views. Delete one first.")
    view, _ = SavedView.objects.update_or_create(owner=owner, name=name, defaults={"query": query, "shared": shared})
    return view


def view_query(query: str) -> str:
    """Return the query of a view: without empty values and without the page. Raise ValueError if it is too long."""
    if len(query) > LONGEST_QUERY:
        raise ValueError(f"The filters have more than {LONGEST_QUERY:,} characters.")
    parts = QueryDict(mutable=True)
    for name, values in QueryDict(query).lists():
        if name not in PLACE_IN_LIST and any(values):
            parts.setlist(name, [value for value in values if value])
    return parts.urlencode()


def _name(typed: str) -> str:
    name = readable(typed)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(f"A name has 1 to {LONGEST_NAME} characters, at least one of them visible.")
    return name


def _description(typed: str) -> str:
    text = typed.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST_DESCRIPTION:
        raise ValueError(f"A description has at most {LONGEST_DESCRIPTION:,} characters; this one has {len(text):,}.")
    return text
