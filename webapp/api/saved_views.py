"""Saved views of the list of experiments in the API."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from training.spec import Problem
from webapp.access import NOT_YOUR_WRITING
from webapp.actions import saved_views
from webapp.api.datasets import Invalid
from webapp.api.experiments import by
from webapp.organising import queries
from webapp.organising.models import LONGEST_NAME, LONGEST_QUERY, SavedView

router = Router()


class SavedViewOut(Schema):
    """A saved view. ``query`` is the part of the address of the list of experiments after the question mark."""

    id: int
    name: str
    query: str
    owner: str
    shared: bool


class SavedViewsOut(Schema):
    views: list[SavedViewOut]


class SavedViewIn(Schema):
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    query: str = Field(max_length=LONGEST_QUERY, description="Such as state=finished&tag=paper.")
    shared: bool = Field(False, description="Whether all accounts see the view.")


def view_out(view: SavedView) -> SavedViewOut:
    return SavedViewOut(id=view.pk, name=view.name, query=view.query, owner=str(view.owner), shared=view.shared)


@router.get("/views", response=SavedViewsOut)
def listing(request: HttpRequest) -> SavedViewsOut:
    """List your saved views, and those that others share."""
    return SavedViewsOut(views=[view_out(view) for view in queries.saved_views(by(request))])


@router.post("/views", response={201: SavedViewOut})
def save(request: HttpRequest, view: SavedViewIn) -> Status[SavedViewOut]:
    """Save a view of the list of experiments. It replaces your view with the same name."""
    try:
        return Status(201, view_out(saved_views.save(by(request), view.name, view.query, shared=view.shared)))
    except ValueError as error:
        raise Invalid(Problem("name", str(error))) from None


@router.delete("/views/{view_id}", response={204: None})
def delete(request: HttpRequest, view_id: int) -> Status[None]:
    """Delete one of your views; administrators may delete any that is shared."""
    view = queries.saved_view(by(request), view_id)
    if view is None:
        raise Http404
    if not saved_views.may_delete(view, by(request)):
        raise PermissionDenied(NOT_YOUR_WRITING)
    saved_views.delete(view, by(request))
    return Status(204, None)
