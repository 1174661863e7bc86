"""The home page, where an account begins: what runs, what ended, drafts, the queue, reports."""

from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import condition

from training.recipes import FIRST, recipes
from webapp.access import viewer
from webapp.accounts.home_visits import visit
from webapp.experiments import queries, queue, workers
from webapp.experiments.listing_models import ListRevision
from webapp.pages.ages import ages
from webapp.pages.experiments.plan_preview import PlanView
from webapp.pages.home.content import HomePage
from webapp.shares.models import Share

OF_THE_LIST = ("q", "state", "page")
"""Fields of the list of experiments, which was at this address."""


def first_experiment() -> dict[str, Any]:
    """Return the context of the first experiment that an empty laboratory offers."""
    spec = recipes()[FIRST]
    return {"name": FIRST, "spec": spec, "plan": PlanView(spec, queries.preview(spec))}


def version(request: HttpRequest) -> str:
    """Return a tag of all that the home page of this account shows, by a few small queries."""
    assert isinstance(request.user, User)
    pause = queue.pause_now()
    parts = (
        ListRevision.objects.values_list("number", flat=True).first(),
        Share.objects.aggregate(Max("pk"))["pk__max"],
        pause and pause.pk,
        sorted(workers.online().values_list("pk", "draining")),
        visit(request.user).since,
        request.GET.get("of"),
        ages(),
    )
    return f'"{sha256(repr((request.user.pk, parts)).encode()).hexdigest()[:32]}"'


@viewer
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page. The list of experiments was at this address before, so its search and filters lead there."""
    if any(name in request.GET for name in OF_THE_LIST):
        return redirect(f"{reverse('experiments')}?{request.META['QUERY_STRING']}", permanent=True)
    if not queries.visible(request.user).exists():
        return render(request, "pages/home.html", {"nothing": True, **first_experiment()})
    return render(request, "pages/home.html", _content(request))


@viewer
@condition(etag_func=version)
def parts(request: HttpRequest) -> HttpResponse:
    """Return the changing part of the home page; status 304 for a page that shows it already."""
    return render(request, "partials/home.html", _content(request))


def _content(request: HttpRequest) -> dict[str, Any]:
    assert isinstance(request.user, User)
    page = HomePage(request.user, visit(request.user), own=request.GET.get("of") == "me")
    return {"home": page, "version": version(request)}
