"""The audit log for administrators: a page, and a file of the same rows."""

import csv
import io
import tempfile
from collections.abc import Sequence
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
from webapp.experiments import queries as experiments
from webapp.experiments.models import Run
from webapp.explorer.download import download
from webapp.organising.models import Project
from webapp.parsing import whole

PER_PAGE = 50
COLUMNS = ("at", "who", "verb", "about", "key", "title", "details")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a cell that a spreadsheet would evaluate."""


def _entries(request: HttpRequest) -> QuerySet[Entry]:
    return queries.entries(request.GET.get("who", ""), request.GET.get("verb", ""), request.GET.get("q", "").strip())


@admin
def audit(request: HttpRequest) -> HttpResponse:
    query = request.GET.copy()
    query.pop("page", None)
    page = Paginator(_entries(request), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "there": there(list(page)),
        "names": queries.names(),
        "verbs": Verb.choices,
        "query": query,
    }
    return render(request, "pages/audit.html", context)


def there(entries: Sequence[Entry]) -> set[int]:
    """Return the ids of entries whose object still has a page."""
    keys = {
        kind: {number for entry in entries if entry.about == kind and (number := whole(entry.key))}
        for kind in ("experiment", "run", "project")
    }
    pages: dict[str, set[int]] = {
        "project": set(Project.objects.filter(pk__in=keys["project"]).values_list("pk", flat=True)),
        "experiment": experiments.visible_to_team(keys["experiment"]),
        "run": set(Run.objects.filter(pk__in=keys["run"], experiments__isnull=False).values_list("pk", flat=True)),
    }
    return {
        entry.pk
        for entry in entries
        if whole(entry.key) in pages.get(entry.about, ()) or (entry.about == "dataset" and catalog.known_dataset(entry.key))
    }


@admin
def table(request: HttpRequest) -> HttpResponseBase:
    """Return all entries that match the filters of the page, as CSV."""
    return download(_csv(_entries(request)), "audit.csv")


def _csv(entries: QuerySet[Entry]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the response
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for entry in entries.iterator():
        details = "; ".join(f"{name}: {value}" for name, value in entry.details.items())
        cells = (entry.at.isoformat(timespec="seconds"), entry.name, entry.verb, entry.about, entry.key, entry.title, details)
        rows.writerow(f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells)
    text.detach()
    file.seek(0)
    return file
