"""The charts of an experiment's page as files: pictures, and the rows that they are made of."""

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
    """One chart of one pair, saved by the browser."""
    living = Living(get_object_or_404(queries.visible(request.user), pk=pk), request.GET.get("pair", ""))
    spec, rows = _chart(living, name)
    with rendering_for(f"account {request.user.pk}", visitor=False):
        return as_file(spec, rows, how, f"experiment-{pk}-{name}-{living.pair.index}", streamed=name == "live")


def as_file(spec: dict[str, Any], rows: list[Row], how: str, name: str, *, streamed: bool = False) -> HttpResponse:
    """A chart as SVG or PNG, or its ``rows`` as CSV; one that is ``streamed`` has no rows of its own."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{how}"'}
    if how == "csv":
        return HttpResponse(as_csv(rows), content_type="text/csv; charset=utf-8", headers=headers)
    if how not in PICTURES:
        raise Http404("A chart is an SVG, a PNG or a CSV.")
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
    """The spec and the rows; Http404 for a name that there is not, and a chart that is not there yet."""
    found = living.findings
    if name == "live" and living.run_count:
        return living.chart, curves(living.lanes)
    if name == "gap" and found and found.gap and living.result:
        return found.gap, gap_rows(found.groups, living.result.triplets)
    if name == "decomposition" and found and found.decomposition:
        return found.decomposition, decomposition_rows(found.groups)
    over = living.overview.chart(name) if living.overview else None
    if over and living.result:
        return over[0], gap_rows(over[1], living.result.triplets)
    raise Http404("There is no such chart.")
