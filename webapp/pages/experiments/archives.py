"""Pages of archives: taking an experiment along as a file, and bringing one from another laboratory."""

from pathlib import Path

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from webapp.access import admin, member, viewer
from webapp.actions import archives as archive_actions
from webapp.archives import accepted_runs
from webapp.archives.export import Unfinished, packed
from webapp.experiments import archive_imports, queries
from webapp.experiments.archive_imports import NoRoom
from webapp.experiments.models import ImportState
from webapp.explorer.download import download

NOTHING_CHOSEN = "Choose an archive first."


@viewer
def archive(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The experiment as a zip file."""
    experiment = get_object_or_404(queries.visible(request.user), pk=pk)
    try:
        assert isinstance(request.user, User)
        return download(packed(experiment, request.user), f"experiment-{pk}.zip")
    except Unfinished as error:
        raise Http404(str(error)) from error


@member
def bring_archive(request: HttpRequest) -> HttpResponse:
    """The form that takes an archive, which the light worker then verifies."""
    problem, status = "", 200
    if request.method == "POST":
        assert isinstance(request.user, User)
        file = request.FILES.get("file")
        try:
            if isinstance(file, TemporaryUploadedFile):
                one = archive_actions.upload(request.user, Path(file.temporary_file_path()), file.name or "")
                return redirect("archive-import", one.pk)
            problem, status = NOTHING_CHOSEN, 422
        except NoRoom as error:
            problem, status = str(error), 507
    return render(request, "pages/archive.html", {"problem": problem}, status=status)


@member
def archive_import(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an archive is: it goes on to the experiment that it has become, or says what is wrong."""
    one = get_object_or_404(archive_imports.visible(request.user), pk=pk)
    if one.state == ImportState.DONE and one.experiment_id:
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(headers={"HX-Redirect": reverse("experiment", args=[one.experiment_id])})
        return redirect("experiment", one.experiment_id)
    return render(request, "pages/archive_import.html", {"import": one})


@admin
@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Lets new experiments use the runs of the archive that the experiment came in, or no longer."""
    experiment = get_object_or_404(queries.visible(request.user).exclude(origin=None), pk=pk)
    assert isinstance(request.user, User)
    accepted = request.POST.get("do") != "withdraw"
    accepted_runs.accept(experiment, request.user, accepted=accepted)
    said = "may use the runs of this archive" if accepted else "no longer use the runs of this archive"
    messages.info(request, f"New experiments {said}.")
    return redirect(f"{reverse('experiment', args=[pk])}?section=notes")
