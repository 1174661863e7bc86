"""Pages of archives: taking an experiment along as a file, and bringing one from another laboratory."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render

from training.archive import Broken
from webapp.access import member, viewer
from webapp.archives.bringing import bring
from webapp.archives.leaving import Unfinished, packed
from webapp.experiments import queries
from webapp.explorer.download import download


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
    """The form that takes an archive; what is wrong with one is said above it."""
    problems: list[str] = []
    if request.method == "POST":
        assert isinstance(request.user, User)
        file = request.FILES.get("file")
        try:
            if not isinstance(file, TemporaryUploadedFile):
                raise Broken("Choose an archive first.")
            return redirect("experiment", bring(request.user, Path(file.temporary_file_path())).pk)
        except Broken as error:
            problems = error.problems
    return render(request, "pages/archive.html", {"problems": problems}, status=422 if problems else 200)
