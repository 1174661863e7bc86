"""The samples of the machine that trained a run, as a file."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from webapp.access import viewer
from webapp.experiments import queries
from webapp.experiments.system_samples import samples_of
from webapp.findings.csv_file import as_csv


@viewer
def samples(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(queries.visible_runs(request.user), pk=pk)
    headers = {"Content-Disposition": f'attachment; filename="run-{pk}-system.csv"'}
    return HttpResponse(as_csv(samples_of(run.pk)), content_type="text/csv; charset=utf-8", headers=headers)
