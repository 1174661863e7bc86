"""Saving and deleting views of the list of experiments."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.access import NOT_YOUR_WRITING, viewer
from webapp.actions import saved_views as view_actions
from webapp.organising import queries
from webapp.pages.experiments.list_address import ListAddress


@viewer
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Save the view whose query is sent, under the name that is sent."""
    assert isinstance(request.user, User)
    address = ListAddress.read(QueryDict(request.POST.get("query", "")))
    name, query = request.POST.get("name", ""), address.query(after="", before="")
    try:
        view = view_actions.save(request.user, name, query, shared=request.POST.get("shared") == "1")
    except ValueError as error:
        messages.error(request, str(error))
    else:
        query = view.query
        messages.info(request, f"The view {view.name} is saved.")
    return redirect(f"{reverse('experiments')}?{query}")


@viewer
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    view = queries.saved_view(request.user, pk)
    if view is None:
        raise Http404
    if not view_actions.may_delete(view, request.user):
        raise PermissionDenied(NOT_YOUR_WRITING)
    view_actions.delete(view, request.user)
    messages.info(request, f"The view {view.name} is deleted.")
    return redirect("experiments")
