"""Tags and the star of an experiment, as its page and the lists send them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from webapp.access import Anybody, may_change, member, owns, viewer
from webapp.actions import tags as tag_actions
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.organising import queries as organising
from webapp.organising import services
from webapp.organising.models import ExperimentTag
from webapp.pages.organising.back import back_to


@dataclass(frozen=True)
class ShownTag:
    tag: ExperimentTag
    removable: bool


def marks_of(viewer: Anybody, experiment: Experiment) -> dict[str, Any]:
    """Return the context of partials/experiment_tags.html."""
    tags = experiment.tags.select_related("author")
    may_remove = may_change(viewer, experiment)
    return {
        "tags": [ShownTag(tag, may_remove or owns(viewer, tag.author_id)) for tag in tags],
        "tag_names": organising.tag_names(),
        "favourite": bool(organising.favourites_of(viewer, [experiment.pk])),
    }


@member
@require_POST
def tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a tag to the experiment, or remove one."""
    experiment, name = _experiment(request, pk), request.POST.get("tag", "")
    assert isinstance(request.user, User)
    try:
        change = tag_actions.remove if request.POST.get("do") == "untag" else tag_actions.add
        change(experiment, name, request.user)
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("experiment", pk)


@viewer
@require_POST
def favourite(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark the experiment as a favourite of the account, or no longer."""
    experiment, favourite = _experiment(request, pk), request.POST.get("favourite") == "1"
    assert isinstance(request.user, User)
    services.set_favourite(request.user, experiment, favourite)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "partials/star.html", {"experiment": experiment, "favourite": favourite})
    return redirect(back_to(request))


def _experiment(request: HttpRequest, pk: int) -> Experiment:
    return get_object_or_404(queries.visible(request.user).select_related("owner"), pk=pk)
