"""Every read of projects, tags of experiments, favourites and saved views."""

from collections.abc import Collection, Iterable

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from webapp.experiments.listing_models import State
from webapp.experiments.models import Experiment
from webapp.notes.services import normalized
from webapp.organising.models import MOST_VIEWS, ExperimentTag, Favourite, Project, SavedView

ACTIVE_STATES = (State.WAITING, State.RUNNING, State.STOPPING)

MOST_SUGGESTED = 200
"""Names of tags, or projects, that a form suggests."""

MOST_PROJECTS = 500
"""Projects in one answer or choice."""

MOST_SHARED = 50
"""Views of other accounts that the list of experiments shows."""

Viewer = User | AnonymousUser


def projects() -> QuerySet[Project]:
    """Return the projects of the team by name."""
    return Project.objects.select_related("owner").order_by(Lower("name"), "pk")


def sizes(projects: Iterable[Project]) -> dict[int, int]:
    """Return the number of experiments of each project that has any, without archived ones."""
    rows = Experiment.objects.filter(project__in=[project.pk for project in projects], archived_at=None)
    return dict(rows.order_by().values_list("project").annotate(Count("pk")))


def active(projects: Iterable[Project]) -> dict[int, int]:
    """Return the number of experiments that train or wait of each project that has any."""
    rows = Experiment.objects.filter(project__in=[project.pk for project in projects], state__in=ACTIVE_STATES)
    return dict(rows.order_by().values_list("project").annotate(Count("pk")))


def tags_of(experiments: Iterable[int]) -> dict[int, list[str]]:
    """Return the tags of those of the experiments that have any, by name."""
    tags: dict[int, list[str]] = {}
    rows = ExperimentTag.objects.filter(experiment__in=list(experiments)).order_by("name")
    for experiment, name in rows.values_list("experiment", "name"):
        tags.setdefault(experiment, []).append(name)
    return tags


def tag_of(experiment: int, name: str) -> ExperimentTag | None:
    return ExperimentTag.objects.filter(experiment=experiment, name=normalized(name)).first()


def tag_names(part: str = "") -> list[str]:
    """Return the first names of tags, in alphabetical order, that begin with ``part``."""
    rows = ExperimentTag.objects.filter(name__startswith=normalized(part)) if part else ExperimentTag.objects.all()
    return list(rows.order_by("name").values_list("name", flat=True).distinct()[:MOST_SUGGESTED])


def favourites_of(account: Viewer, experiments: Collection[int]) -> set[int]:
    """Return those of ``experiments`` that the account has marked."""
    if not account.is_authenticated:
        return set()
    rows = Favourite.objects.filter(account=account, experiment__in=list(experiments))
    return set(rows.values_list("experiment", flat=True))


def saved_views(viewer: User) -> list[SavedView]:
    """Return the views of the account, by name, and then those that others share."""
    others = Case(When(owner=viewer, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = SavedView.objects.filter(Q(owner=viewer) | Q(shared=True)).select_related("owner")
    return list(rows.order_by(others, "name", "pk")[: MOST_VIEWS + MOST_SHARED])


def saved_view(viewer: User, pk: int) -> SavedView | None:
    """Return the view if the account may see it."""
    return SavedView.objects.filter(Q(owner=viewer) | Q(shared=True), pk=pk).first()
