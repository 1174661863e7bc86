"""Tables of numbers as files: CSV, and LaTeX for the package booktabs."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from webapp.access import viewer
from webapp.experiments import queries
from webapp.findings.csv_file import as_csv
from webapp.findings.latex import latex
from webapp.findings.number_table import NumberTable
from webapp.findings.result_tables import result_table
from webapp.pages.experiments.experiment import Living

KINDS = {"csv": "text/csv", "tex": "application/x-tex"}


@viewer
def table(request: HttpRequest, pk: int, name: str, how: str) -> HttpResponse:
    """Return a table of the result of one pair as a file."""
    living = Living(get_object_or_404(queries.visible(request.user), pk=pk), request.GET.get("pair", ""))
    made = result_table(living.findings, name) if living.findings else None
    return as_file(made, how, f"experiment-{pk}-{name}-{living.pair.index}")


def as_file(table: NumberTable | None, how: str, name: str) -> HttpResponse:
    """Return the table as a file named ``name``. Raise Http404 where there is no such table or format."""
    if table is None or how not in KINDS:
        raise Http404("Tables are available as CSV and as LaTeX (tex).")
    headers = {"Content-Disposition": f'attachment; filename="{name}.{how}"'}
    text = as_csv(table.records()) if how == "csv" else latex(table)
    return HttpResponse(text, content_type=f"{KINDS[how]}; charset=utf-8", headers=headers)
