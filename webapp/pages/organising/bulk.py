"""One action on the chosen experiments of a list; a deletion is confirmed on a page that names what is deleted."""

from collections import defaultdict
from collections.abc import Sequence
from typing import cast, get_args
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.access import member
from webapp.actions import bulk
from webapp.actions.bulk import Action, Outcome, Request
from webapp.findings.wording import count
from webapp.notes.services import tag_name
from webapp.organising.models import Project
from webapp.pages.organising.back import back_to
from webapp.parsing import whole

DONE: dict[Action, str] = {
    "tag": "tagged",
    "untag": "without the tag now",
    "move": "moved",
    "archive": "archived",
    "unarchive": "no longer archived",
    "stop": "stopping",
    "delete": "deleted",
}
"""Words for the outcome of each action, after the number of experiments."""

NOTHING_CHOSEN = "Choose experiments in the list first."
TOO_MANY = f"At most {bulk.MOST} experiments can be changed at once. Nothing was changed."

SHOWN = 10
"""Numbers of refused experiments in a message."""


@member
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    ids, action = _chosen(request), request.POST.get("do", "")
    if len(ids) > bulk.MOST:
        messages.error(request, TOO_MANY)
        return redirect(back_to(request))
    if ids and action == "compare":
        return redirect(f"{reverse('compare')}?{urlencode({'e': ids}, doseq=True)}")
    if not ids or action not in get_args(Action):
        messages.warning(request, NOTHING_CHOSEN)
        return redirect(back_to(request))
    try:
        requested = _requested(request, cast(Action, action), request.user)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect(back_to(request))
    if action == "delete" and request.POST.get("confirmed") != "yes":
        outcomes = bulk.foresee_deletion(requested, ids)
        context = {"outcomes": outcomes, "back": back_to(request), "deleted": _with(outcomes, "done")}
        return render(request, "pages/bulk_delete.html", context | {"refused": _with(outcomes, "refused")})
    outcomes = bulk.apply(requested, ids)
    level = messages.WARNING if _with(outcomes, "refused") else messages.INFO
    messages.add_message(request, level, summary(requested.action, outcomes))
    return redirect(back_to(request))


def _chosen(request: HttpRequest) -> list[int]:
    numbers = (whole(number, low=1) for number in request.POST.getlist("e"))
    return [number for number in numbers if number is not None]


def _requested(request: HttpRequest, action: Action, by: User) -> Request:
    """Return the request. Raise ValueError for an invalid tag or an unknown project."""
    tag, project = request.POST.get("tag", ""), None
    if action in ("tag", "untag"):
        tag_name(tag)
    if action == "move" and request.POST.get("project"):
        project = Project.objects.filter(pk=whole(request.POST["project"]) or 0).first()
        if project is None:
            raise ValueError("There is no such project any more.")
    return Request(action, by, tag, project)


def summary(action: Action, outcomes: Sequence[Outcome]) -> str:
    """Return what has happened in sentences, with the refused experiments by reason."""
    done, unchanged = len(_with(outcomes, "done")), len(_with(outcomes, "unchanged"))
    sentences = [f"{count(done, 'experiment')} {DONE[action]}."] if done else []
    if unchanged:
        sentences.append(f"{count(unchanged, 'experiment')} unchanged.")
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for outcome in _with(outcomes, "refused"):
        reasons[outcome.reason].append(f"#{outcome.id}")
    for reason, numbers in reasons.items():
        more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
        sentences.append(f"Refused for {', '.join(numbers[:SHOWN])}{more}: {reason}")
    return " ".join(sentences)


def _with(outcomes: Sequence[Outcome], result: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.result == result]
