"""The trail of who did what, for admins: a page, and a file of the same rows."""

import csv
import io
import tempfile
from collections.abc import Iterable
from typing import IO

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from training import catalog
from webapp.access import admin
from webapp.audit import queries
from webapp.audit.models import Entry, Verb
from webapp.experiments.queries import Viewer, visible, visible_runs
from webapp.explorer.download import download
from webapp.typed import whole

PER_PAGE = 50
COLUMNS = ("at", "who", "verb", "about", "key", "title", "details")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute and not show."""


def _entries(request: HttpRequest) -> QuerySet[Entry]:
    return queries.entries(request.GET.get("who", ""), request.GET.get("verb", ""), request.GET.get("q", "").strip())


def _existing(page: Iterable[Entry], viewer: Viewer) -> set[tuple[str, str]]:
    """Kind and key of what the entries are about and still has a page: nothing else is linked."""
    keys: dict[str, set[str]] = {}
    for one in page:
        keys.setdefault(one.about, set()).add(one.key)
    numbers = {about: [number for key in found if (number := whole(key)) is not None] for about, found in keys.items()}
    experiments = visible(viewer).filter(pk__in=numbers.get("experiment", []))
    runs = visible_runs(viewer).filter(pk__in=numbers.get("run", []))
    found = {("experiment", str(pk)) for pk in experiments.values_list("pk", flat=True)}
    found |= {("run", str(pk)) for pk in runs.values_list("pk", flat=True)}
    ready = {*catalog.ready_datasets(), *catalog.REGISTERED}
    return found | {("dataset", name) for name in keys.get("dataset", set()) & ready}


@admin
def audit(request: HttpRequest) -> HttpResponse:
    asked = request.GET.copy()
    asked.pop("page", None)
    page = Paginator(_entries(request), PER_PAGE).get_page(request.GET.get("page"))
    existing = _existing(page, request.user)
    context = {
        "page": page,
        "lines": [(one, (one.about, one.key) in existing) for one in page],
        "names": queries.names(),
        "verbs": Verb.choices,
        "asked": asked,
    }
    return render(request, "pages/audit.html", context)


@admin
def table(request: HttpRequest) -> HttpResponseBase:
    """All entries that the page's filters let through, as CSV."""
    return download(_csv(_entries(request)), "audit.csv")


def _csv(entries: QuerySet[Entry]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever sends it
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for one in entries.iterator():
        details = "; ".join(f"{name}: {value}" for name, value in one.details.items())
        cells = (one.at.isoformat(timespec="seconds"), one.name, one.verb, one.about, one.key, one.title, details)
        rows.writerow(f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells)
    text.detach()
    file.seek(0)
    return file
