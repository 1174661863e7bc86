"""Who may look at a share: whoever came through one of its links, and by its permalink every account.

Both rules hand the view what is seen. To whom a link is not open, everything is the same page: nothing tells a link that has
expired or was revoked from one that never was.
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
from webapp.share_pages.shown_version import Seen, seen_by_link, seen_by_team
from webapp.shares.frozen import Damaged
from webapp.shares.links import COOKIE, visited
from webapp.shares.models import Share

View = Callable[..., HttpResponse]


def shared(view: View) -> View:
    """For visitors: the cookie that the link's page has set names the link, which is looked up again."""
    answer = require_safe(_said(view))

    @by_link
    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, number: int | None = None, **rest: Any) -> HttpResponse:
        link = visited(request.COOKIES.get(COOKIE, ""), slug)
        found = seen_by_link(link, number) if link else None
        try:
            return answer(request, found, **rest) if found else gone(request)
        except Http404:
            return gone(request)

    return wrapped


def team(view: View) -> View:
    """For every account of the laboratory."""
    answer = require_safe(_said(view))

    @viewer
    @wraps(view)
    def wrapped(request: HttpRequest, slug: str, number: int | None = None, **rest: Any) -> HttpResponse:
        share = get_object_or_404(Share.objects.select_related("experiment__owner", "owner"), slug=slug)
        found = seen_by_team(share, number)
        if found is None:
            raise Http404("There is no such version, or its experiment was deleted.")
        return answer(request, found, **rest)

    return wrapped


def gone(request: HttpRequest) -> HttpResponse:
    return render(request, "shares/gone.html", status=404)


def _said(view: View) -> View:
    """Why there is nothing to show, as a page of its own."""

    def answered(request: HttpRequest, found: Seen, **rest: Any) -> HttpResponse:
        try:
            return view(request, found, **rest)
        except (Damaged, Refused, NotDrawn) as error:
            too_many = isinstance(error, TooMany)
            status = 404 if isinstance(error, Refused) else 429 if too_many else 503
            page = render(request, "shares/nothing.html", {"why": str(error)}, status=status)
            if too_many:
                page["Retry-After"] = str(RETRY_SECONDS)
            return page

    return answered
