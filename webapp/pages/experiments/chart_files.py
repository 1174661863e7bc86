"""The charts of an experiment's page as files: pictures, and the rows of their data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string

from webapp.access import viewer
from webapp.charts.chart_data import decomposition_rows, gap_rows
from webapp.charts.picture_files import PICTURES, draw
from webapp.charts.print_theme import on_paper
from webapp.charts.renderers import RETRY_SECONDS, NotDrawn, TooMany, rendering_for
from webapp.experiments import queries
from webapp.explorer.download import download
from webapp.findings.csv_file import as_csv, as_csv_file
from webapp.findings.curve_text import curve_text
from webapp.findings.curves import curves
from webapp.pages.experiments.experiment import Living
from webapp.pages.experiments.run import RunPage
from webapp.pages.experiments.run_settings import text_of

Row = dict[str, Any]

SHOWN_ROWS = 100
"""Rows of a chart on a page; its CSV has all."""


@viewer
def chart(request: HttpRequest, pk: int, name: str, how: str) -> HttpResponseBase:
    """Return one chart of one pair as a file, or as a part of the page."""
    living = Living(get_object_or_404(queries.visible(request.user), pk=pk), request.GET.get("pair", ""))
    file = f"experiment-{pk}-{name}-{living.pair.index}"
    if name == "live" and living.run_count:
        return curve_file(request, CurvesOfPair(living), how, file)
    spec, rows = _chart(living, name)
    with rendering_for(f"account {request.user.pk}", visitor=False):
        return as_file(spec, rows, how, file)


@viewer
def run_chart(request: HttpRequest, pk: int, how: str) -> HttpResponseBase:
    """Return the curves of one run as a file, or as a part of its page."""
    page = RunPage(get_object_or_404(queries.visible_runs(request.user), pk=pk), request.user)
    return curve_file(request, page, how, f"run-{pk}")


class Curves(Protocol):
    """The source of a chart of curves: its spec, which has no rows, itself in words, and every measurement as a row."""

    @property
    def chart(self) -> dict[str, Any]: ...
    @property
    def curve_text(self) -> str: ...
    @property
    def curve_rows(self) -> Iterator[Row]: ...


@dataclass(frozen=True)
class CurvesOfPair:
    """The curves of the pair of an experiment that is shown."""

    living: Living

    @property
    def chart(self) -> dict[str, Any]:
        return self.living.chart

    @property
    def curve_text(self) -> str:
        return curve_text((row.lane.title, row) for row in self.living.latest)

    @property
    def curve_rows(self) -> Iterator[Row]:
        return curves(self.living.lanes)


def curve_file(request: HttpRequest, of: Curves, how: str, name: str) -> HttpResponseBase:
    """Return curves as ``as_file`` does; a CSV is sent in pieces, since it has all points however many there are."""
    if how == "rows":
        return in_words(of.curve_text, of.curve_rows)
    if how == "csv":
        return download(as_csv_file(of.curve_rows), f"{name}.csv")
    with rendering_for(f"account {request.user.pk}", visitor=False):
        return as_file(of.chart, list(of.curve_rows), how, name, streamed=True)


def as_file(spec: dict[str, Any], rows: list[Row], how: str, name: str, *, streamed: bool = False) -> HttpResponse:
    """Return a chart as SVG or PNG, its ``rows`` as CSV, or in words with its first rows as a part of a page (rows).

    A ``streamed`` chart has no rows of its own.
    """
    if how == "rows":
        return in_words(str(spec.get("description", "")), rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{how}"'}
    if how == "csv":
        return HttpResponse(as_csv(rows), content_type="text/csv; charset=utf-8", headers=headers)
    if how not in PICTURES:
        raise Http404("Charts are available as SVG, PNG and CSV.")
    picture, kind = PICTURES[how]
    try:
        drawn = draw(on_paper(spec, rows if streamed else None), picture)
    except TooMany as error:
        retry = {"Retry-After": str(RETRY_SECONDS)}
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=429, headers=retry)
    except NotDrawn as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=503)
    return HttpResponse(drawn, content_type=kind, headers=headers)


def in_words(text: str, rows: Iterable[Row]) -> HttpResponse:
    """Return a description of a chart and its first rows as a part of a page."""
    first = list(islice(rows, SHOWN_ROWS + 1))
    names = [name for name in first[0] if any(row[name] is not None for row in first)] if first else []
    titles = [name.replace("_", " ").capitalize() for name in names]
    shown = [[_cell(row[name]) for name in names] for row in first[:SHOWN_ROWS]]
    context = {"text": text, "titles": titles, "rows": shown, "more": len(first) > SHOWN_ROWS}
    return HttpResponse(render_to_string("partials/chart_rows.html", context))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else text_of(value) if isinstance(value, str) else str(value)


def _chart(living: Living, name: str) -> tuple[dict[str, Any], list[Row]]:
    """Return the spec and the rows of a chart. Raise Http404 for an unknown name and for a chart without data."""
    findings = living.findings
    if name == "gap" and findings and findings.gap and living.result:
        return findings.gap, gap_rows(findings.groups, living.result.triplets)
    if name == "decomposition" and findings and findings.decomposition:
        return findings.decomposition, decomposition_rows(findings.groups)
    over = living.overview.chart(name) if living.overview else None
    if over and living.result:
        return over[0], gap_rows(over[1], living.result.triplets)
    raise Http404("There is no such chart.")
