"""The page of a link: it sets a cookie and continues to the share, so that the token does not stay in the address."""

import time
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from webapp.access import public
from webapp.charts.renderers import RETRY_SECONDS, NotDrawn, TooMany, rendering_for
from webapp.reports.refusal import Refused
from webapp.share_pages.permissions import gone
from webapp.share_pages.shown_version import version_by_link
from webapp.shares.freezing import CARD
from webapp.shares.frozen import Damaged
from webapp.shares.links import COOKIE, cookie_of, link_of, may_try, password_fits, pause
from webapp.shares.models import Link

TOO_OFTEN = "This password was tried too often from your address just now. Try again in a minute."
WRONG = "This is not the password."


# A password needs no session, so there is no request to forge; and a page without a referrer sends no origin that Django
# could compare.
@public
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """Admit everybody with the token, and with the password if the link has one."""
    link = link_of(token)
    if link is None:
        return gone(request)
    if not link.password:
        return _open(request, link)
    if request.method != "POST":
        return _ask(request, link)
    if not may_try(link, request.META.get("REMOTE_ADDR", "")):
        return _ask(request, link, TOO_OFTEN, 429)
    time.sleep(pause(link))
    if not password_fits(link, request.POST.get("password", "")):
        return _ask(request, link, WRONG, 403)
    return _open(request, link)


def _ask(request: HttpRequest, link: Link, error: str = "", status: int = 200) -> HttpResponse:
    return render(request, "shares/password.html", {"error": error, "at": _address(link)}, status=status)


def _address(link: Link) -> str:
    return f"/shared/{link.share.slug}/"


def _open(request: HttpRequest, link: Link) -> HttpResponse:
    path = _address(link)
    context: dict[str, object] = {"to": path}
    if link.previews and not link.password:
        context["preview"] = _preview(link)
        context["card"] = request.build_absolute_uri(f"{request.path}{CARD}")
    answer = render(request, "shares/link.html", context)
    answer.set_cookie(
        COOKIE,
        cookie_of(link),
        max_age=link.expires_at - timezone.now() + timedelta(seconds=1),
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return answer


def _preview(link: Link) -> tuple[str, str] | None:
    """Return title and claim for chat tools; None where the page cannot be shown now, which it states itself."""
    try:
        shown = version_by_link(link)
        return (shown.paper.title, shown.paper.claim.text) if shown else None
    except (Damaged, Refused):
        return None


@public
@require_safe
def preview_card(request: HttpRequest, token: str) -> HttpResponse:
    """Return the picture for chat tools, which store no cookie."""
    link = link_of(token)
    shown = version_by_link(link) if link and link.previews and not link.password else None
    if shown is None:
        return gone(request)
    try:
        with rendering_for(*shown.client(request)):
            return HttpResponse(shown.file(CARD), content_type="image/png")
    except TooMany as error:
        return HttpResponse(str(error), content_type="text/plain", status=429, headers={"Retry-After": str(RETRY_SECONDS)})
    except (Damaged, Refused, NotDrawn):
        return gone(request)
