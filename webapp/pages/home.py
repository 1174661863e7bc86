"""The home page, where an account begins."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from training.recipes import FIRST, recipes
from webapp.access import viewer
from webapp.experiments import queries
from webapp.pages.experiments.plan_preview import PlanView

DRAFTS = 5


def first_experiment() -> dict[str, Any]:
    """Return the context of the first experiment that an empty laboratory offers."""
    spec = recipes()[FIRST]
    return {"name": FIRST, "spec": spec, "plan": PlanView(spec, queries.preview(spec))}


@viewer
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page. The list of experiments was at this address before, so its search and filters lead there."""
    if query := request.META["QUERY_STRING"]:
        return redirect(f"{reverse('experiments')}?{query}", permanent=True)
    visible = queries.visible(request.user)
    if not visible.exists():
        return render(request, "pages/home.html", {"nothing": True, **first_experiment()})
    drafts = visible.filter(owner=request.user.pk, launched_at=None).order_by("-pk").defer("spec", "triplets", "result")[:DRAFTS]
    return render(request, "pages/home.html", {"drafts": drafts})
