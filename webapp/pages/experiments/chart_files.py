"""The charts of an experiment's page as files: pictures, and the rows of their data."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from webapp.access import viewer
from webapp.charts.chart_data import decomposition_rows, gap_rows
from webapp.charts.picture_files import PICTURES, draw
from webapp.charts.print_theme import on_paper
from webapp.charts.renderers import RETRY_SECONDS, NotDrawn, TooMany, rendering_for
from webapp.experiments import queries
from webapp.findings.csv_file import as_csv
from webapp.findings.curves import curves
from webapp.pages.experiments.experiment import Living

Row = dict[str, Any]


@viewer
def chart(request: HttpRequest, pk: int, name: str, how: str) -> HttpResponse:
    """Return one chart of one pair as a file."""
    living = Living(get_object_or_404(queries.visible(request.user), pk=pk), request.GET.get("pair", ""))
    spec, rows = _chart(living, name)
    with rendering_for(f"account {request.user.pk}", visitor=False):
        return as_file(spec, rows, how, f"experiment-{pk}-{name}-{living.pair.index}", streamed=name == "live")


def as_file(spec: dict[str, Any], rows: list[Row], how: str, name: str, *, streamed: bool = False) -> HttpResponse:
    """Return a chart as SVG or PNG, or its ``rows`` as CSV. A ``streamed`` chart has no rows of its own."""
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


def _chart(living: Living, name: str) -> tuple[dict[str, Any], list[Row]]:
    """Return the spec and the rows of a chart. Raise Http404 for an unknown name and for a chart without data."""
    findings = living.findings
    if name == "live" and living.run_count:
        return living.chart, curves(living.lanes)
    if name == "gap" and findings and findings.gap and living.result:
        return findings.gap, gap_rows(findings.groups, living.result.triplets)
    if name == "decomposition" and findings and findings.decomposition:
        return findings.decomposition, decomposition_rows(findings.groups)
    over = living.overview.chart(name) if living.overview else None
    if over and living.result:
        return over[0], gap_rows(over[1], living.result.triplets)
    raise Http404("There is no such chart.")
