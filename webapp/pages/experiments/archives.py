"""Pages of archives: downloading an experiment as a file, and importing one from another laboratory."""

from pathlib import Path

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.access import admin, demand_truth, member, viewer
from webapp.actions import archives as archive_actions
from webapp.archives import accepted_runs
from webapp.archives.export import Unfinished, packed
from webapp.experiments import archive_imports, queries
from webapp.experiments.archive_imports import DiskFull
from webapp.experiments.models import ImportState
from webapp.explorer.download import download

NOTHING_CHOSEN = "Choose an archive first."


@viewer
def archive(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return the experiment as a zip file."""
    experiment = get_object_or_404(queries.visible(request.user), pk=pk)
    demand_truth(request.user, experiment)
    try:
        assert isinstance(request.user, User)
        return download(packed(experiment, request.user), f"experiment-{pk}.zip")
    except Unfinished as error:
        raise Http404(str(error)) from error


@member
def bring_archive(request: HttpRequest) -> HttpResponse:
    """Show the form for an archive, and queue a submitted one for verification."""
    problem, status = "", 200
    if request.method == "POST":
        assert isinstance(request.user, User)
        file = request.FILES.get("file")
        try:
            if isinstance(file, TemporaryUploadedFile):
                imported = archive_actions.upload(request.user, Path(file.temporary_file_path()), file.name or "")
                return redirect("archive-import", imported.pk)
            problem, status = NOTHING_CHOSEN, 422
        except DiskFull as error:
            problem, status = str(error), 507
    return render(request, "pages/archive.html", {"problem": problem}, status=status)


@member
def archive_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the progress or the problems of an import, or redirect to its experiment when it is done."""
    imported = get_object_or_404(archive_imports.visible(request.user), pk=pk)
    if imported.state == ImportState.DONE and imported.experiment_id:
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(headers={"HX-Redirect": reverse("experiment", args=[imported.experiment_id])})
        return redirect("experiment", imported.experiment_id)
    return render(request, "pages/archive_import.html", {"import": imported})


@admin
@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Allow or forbid new experiments to use the runs of the archive of this experiment."""
    experiment = get_object_or_404(queries.visible(request.user).exclude(origin=None), pk=pk)
    assert isinstance(request.user, User)
    accepted = request.POST.get("do") != "withdraw"
    accepted_runs.accept(experiment, request.user, accepted=accepted)
    effect = "may use the runs of this archive" if accepted else "no longer use the runs of this archive"
    messages.info(request, f"New experiments {effect}.")
    return redirect(f"{reverse('experiment', args=[pk])}?section=notes")
