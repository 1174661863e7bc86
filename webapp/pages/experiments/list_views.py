"""The page of the list of experiments, and the part of it that changes."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.access import may_change, viewer
from webapp.accounts import preferences
from webapp.experiments import listing, queries
from webapp.experiments.keyset import BadCursor
from webapp.pages.experiments.list import ListPage
from webapp.pages.experiments.list_address import ListAddress
from webapp.pages.home.views import first_experiment

COLUMNS = "columns of the list"
"""The name of the preference."""


@viewer
def experiments(request: HttpRequest) -> HttpResponse:
    """Show the list; for a page that is open, its part with the rows, or 304 if nothing has changed since."""
    tag = f'"{listing.revision()}"'
    known = request.headers.get("If-None-Match", "")
    if known == tag:
        return HttpResponseNotModified()
    address = ListAddress.read(request.GET)
    try:
        page = ListPage(request.user, address, preferences.of(request.user, COLUMNS))
    except BadCursor:
        return redirect(_address(address.query(after="", before="")))
    context: dict[str, Any] = {"list": page, "address": address, "headers": json.dumps({"If-None-Match": tag})}
    context["changes"] = page.at_work is not None and may_change(request.user, page.at_work.experiment)
    if request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request"):
        answer = render(request, "partials/list.html", context)
        if not known:
            answer["HX-Push-Url"] = _address(address.query())
        return answer
    if not page.lines and not queries.visible(request.user).exists():
        context |= first_experiment()
        context["nothing"] = True
    return render(request, "pages/experiments.html", context)


@viewer
@require_POST
def columns(request: HttpRequest) -> HttpResponse:
    """Remember the columns for the account, and show the list with them."""
    assert isinstance(request.user, User)
    address = ListAddress.read(request.POST)
    preferences.remember(request.user, COLUMNS, address.columns)
    return redirect(_address(address.query(columns=address.columns)))


def _address(query: str) -> str:
    return f"{reverse('experiments')}?{query}" if query else reverse("experiments")
