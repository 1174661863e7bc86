"""The page of the list of experiments, and the part of it that changes."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from webapp.access import may_change, viewer
from webapp.accounts import preferences
from webapp.experiments import listing, queries
from webapp.experiments.keyset import BadCursor
from webapp.pages.ages import ages
from webapp.pages.experiments.list import ListPage
from webapp.pages.experiments.list_address import ListAddress
from webapp.pages.home.views import first_experiment
from webapp.pages.organising.back import back_to
from webapp.pages.organising.list_tools import ListTools

COLUMNS = "columns of the list"
"""The name of the preference."""


@viewer
def experiments(request: HttpRequest) -> HttpResponse:
    return list_page(request, ListAddress.read(request.GET), "pages/experiments.html")


def list_page(request: HttpRequest, address: ListAddress, template: str, more: Mapping[str, Any] | None = None) -> HttpResponse:
    """Show a page with a list; for a page that is open, its part with the rows, or 304 if nothing has changed since."""
    assert isinstance(request.user, User)
    tag = f'"{listing.revision()}-{ages()}"'
    known = request.headers.get("If-None-Match", "")
    if known == tag:
        return HttpResponseNotModified()
    try:
        page = ListPage(request.user, address, preferences.of(request.user, COLUMNS))
    except BadCursor:
        return redirect(address.url(after="", before=""))
    context: dict[str, Any] = {"list": page, "address": address, "headers": json.dumps({"If-None-Match": tag})}
    context |= {"tools": ListTools(request.user, address), **(more or {})}
    context["changes"] = page.at_work is not None and may_change(request.user, page.at_work.experiment)
    if request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request"):
        answer = render(request, "partials/list.html", context)
        if not known:
            answer["HX-Push-Url"] = address.url()
        return answer
    if not address.fixed and not page.lines and not queries.visible(request.user).exists():
        context |= first_experiment()
        context["nothing"] = True
    return render(request, template, context)


@viewer
@require_POST
def columns(request: HttpRequest) -> HttpResponse:
    """Remember the columns for the account, and show the list with them."""
    assert isinstance(request.user, User)
    address = ListAddress.read(request.POST, back_to(request))
    preferences.remember(request.user, COLUMNS, address.columns)
    return redirect(address.url(columns=address.columns))
