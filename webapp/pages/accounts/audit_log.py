"""The trail of who did what, for admins: a page, and a file of the same rows."""

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
from webapp.parsing import whole

PER_PAGE = 50
COLUMNS = ("at", "who", "verb", "about", "key", "title", "details")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute and not show."""


def _entries(request: HttpRequest) -> QuerySet[Entry]:
    return queries.entries(request.GET.get("who", ""), request.GET.get("verb", ""), request.GET.get("q", "").strip())


@admin
def audit(request: HttpRequest) -> HttpResponse:
    asked = request.GET.copy()
    asked.pop("page", None)
    page = Paginator(_entries(request), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "there": there(list(page)),
        "names": queries.names(),
        "verbs": Verb.choices,
        "asked": asked,
    }
    return render(request, "pages/audit.html", context)


def there(entries: Sequence[Entry]) -> set[int]:
    """The ids of entries about what still has a page."""
    keys = {
        kind: {number for one in entries if one.about == kind and (number := whole(one.key))} for kind in ("experiment", "run")
    }
    pages: dict[str, set[int]] = {
        "experiment": experiments.visible_to_team(keys["experiment"]),
        "run": set(Run.objects.filter(pk__in=keys["run"], experiments__isnull=False).values_list("pk", flat=True)),
    }
    return {
        one.pk
        for one in entries
        if whole(one.key) in pages.get(one.about, ()) or (one.about == "dataset" and catalog.known_dataset(one.key))
    }


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
