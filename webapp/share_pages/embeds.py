"""One chart of a share embedded in another page: the only response that may be framed."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from webapp.access import public
from webapp.middleware import POLICY
from webapp.reports.refusal import Refused
from webapp.share_pages.permissions import gone
from webapp.share_pages.shown_version import version_by_link
from webapp.shares.frozen import Damaged
from webapp.shares.links import link_of

THEMES = ("light", "dark")
FRAMED = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")


@public
@require_safe
def embed(request: HttpRequest, token: str, chart: str) -> HttpResponse:
    """Show ``chart``, which is gap, curves or decomposition, for the pair in the query. A link with a password opens none."""
    link = link_of(token)
    version = version_by_link(link) if link and not link.password else None
    if version is None:
        return gone(request)
    try:
        shown = version.paper.charts.get(f"{chart}-{request.GET.get('pair', '0')}")
    except (Damaged, Refused):
        shown = None
    if shown is None:
        return gone(request)
    return _framed(request, {"report": version.paper, "chart": shown, "token": token})


@xframe_options_exempt
def _framed(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    theme = request.GET.get("theme", "")
    answer = render(request, "shares/embed.html", {**context, "theme": theme if theme in THEMES else ""})
    answer["Content-Security-Policy"] = FRAMED
    return answer
