"""Answers to failures that are not the fault of the request: a damaged artifact, a full disk, an unreadable file or store.

No sentence has a path of the server. A visitor of a share reads that it is unavailable now, without the reason.
"""

import logging
import sys

from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.views.defaults import server_error

from training.base_models import REFUSED, storable
from training.storage.atomic import out_of_room
from training.storage.checksums import DamagedArtifact
from training.storage.event_files import is_event_file
from training.storage.remote import StoreUnreachable
from webapp.actions import artifacts
from webapp.experiments.models import Run, Status
from webapp.middleware import BY_LINK

logger = logging.getLogger(__name__)

API = "/api/v1/"
FULL = "The server’s disk is full, so this could not be done. Nothing was changed. Ask the operator of the server for space."
UNREACHABLE = "A file of the server cannot be read or written now. Try again later; the log of the web server says more."
STORE_AWAY = "The store of artifacts cannot be reached now, so this cannot be shown or done. Try again later; nothing is lost."
UNUSABLE = "A number or a text of the request cannot be stored."
NOT_DONE = "This could not be done"
BROKEN = "An error occurred. The error is in the log of the web server."
AGAIN = "Its run is trained again, and this can be seen once it has finished."


def failed(error: BaseException) -> tuple[int, str] | None:
    """Return status and sentence for ``error``, or None if it is not a known failure."""
    if isinstance(error, DamagedArtifact):
        artifacts.report_damage(error)
        again = not is_event_file(error.name) and Run.objects.filter(key=error.key).exclude(status=Status.FINISHED).exists()
        return 409, f"{error} {AGAIN}" if again else str(error)
    if isinstance(error, StoreUnreachable):
        return 503, STORE_AWAY
    if out_of_room(error) or "disk is full" in str(error):
        return 507, FULL
    if isinstance(error, OverflowError | DataError | UnicodeError) or "NUL (0x00)" in str(error):
        return 422, UNUSABLE
    return (503, UNREACHABLE) if isinstance(error, OSError) else None


def answer(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    if request.path.startswith(API):
        return JsonResponse({"errors": [{"path": "", "message": sentence}]}, status=status)
    if request.path.startswith(BY_LINK):
        return render(request, "shares/unavailable.html", status=503)
    title = "" if request.method in ("GET", "HEAD") else NOT_DONE
    return render(request, "failure.html", {"sentence": sentence, "title": title}, status=status)


def sent(fields: QueryDict) -> list[str]:
    """Return the names and values of a form or a query."""
    return [text for name, values in fields.lists() for text in (name, *map(str, values))]


class FailureMiddleware(MiddlewareMixin):
    """Answer failures of views, and refuse texts that cannot be stored before the view runs."""

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        texts = [request.path, *sent(request.GET)]
        if request.method == "POST" and not request.path.startswith(API):
            texts += sent(request.POST)
        if storable(texts):
            return None
        if request.path.startswith(BY_LINK):
            return render(request, "shares/gone.html", status=404)
        return answer(request, 400, REFUSED)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        known = failed(exception)
        if known is None:
            return None
        logger.warning("%s %s: %s", request.method, request.path, known[1], exc_info=exception)
        return answer(request, *known)


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer failures outside of views, such as while a body is read. Unknown ones remain errors of the server."""
    error = sys.exc_info()[1]
    if error is not None and (known := failed(error)):
        return answer(request, *known)
    return answer(request, 500, BROKEN) if request.path.startswith((API, *BY_LINK)) else server_error(request)
