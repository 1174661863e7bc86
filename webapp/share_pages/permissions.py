"""Access to a share: visitors through one of its links, and every account at its permalink.

Both rules pass the version to the view. Without an open link all addresses give the same page: nothing distinguishes an
expired or revoked link from one that never existed.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from webapp.access import by_link, viewer
from webapp.charts.renderers import RETRY_SECONDS, NotDrawn, TooMany
from webapp.reports.refusal import Refused
from webapp.share_pages.shown_version import ShownVersion, version_by_account, version_by_link
from webapp.shares.frozen import Damaged
from webapp.shares.links import COOKIE, visited
from webapp.shares.models import Share

View = Callable[..., HttpResponse]


def shared(view: View) -> View:
    """Let visitors in. The cookie set by the link's page names the link, which is looked up again."""
    answer = require_safe(_or_reason(view))

    @by_link
    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, number: int | None = None, **rest: Any) -> HttpResponse:
        link = visited(request.COOKIES.get(COOKIE, ""), slug)
        shown = version_by_link(link, number) if link else None
        try:
            return answer(request, shown, **rest) if shown else gone(request)
        except Http404:
            return gone(request)

    return wrapped


def team(view: View) -> View:
    """Let all accounts in."""
    answer = require_safe(_or_reason(view))

    @viewer
    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, number: int | None = None, **rest: Any) -> HttpResponse:
        share = get_object_or_404(Share.objects.select_related("experiment__owner", "owner"), slug=slug)
        shown = version_by_account(share, number)
        if shown is None:
            raise Http404("There is no such version, or its experiment was deleted.")
        return answer(request, shown, **rest)

    return wrapped


def gone(request: HttpRequest) -> HttpResponse:
    return render(request, "shares/gone.html", status=404)


def _or_reason(view: View) -> View:
    """Return the view with a page that states the reason where there is nothing to show."""

    def answered(request: HttpRequest, shown: ShownVersion, **rest: Any) -> HttpResponse:
        try:
            return view(request, shown, **rest)
        except (Damaged, Refused, NotDrawn) as error:
            too_many = isinstance(error, TooMany)
            status = 404 if isinstance(error, Refused) else 429 if too_many else 503
            page = render(request, "shares/nothing.html", {"why": str(error)}, status=status)
            if too_many:
                page["Retry-After"] = str(RETRY_SECONDS)
            return page

    return answered
