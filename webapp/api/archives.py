"""Experiments as archives through the JSON door: taking one along, and bringing one."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import File, Router, Status
from ninja.errors import HttpError
from ninja.files import UploadedFile

from training.archive import Broken
from training.spec import Problem
from webapp.api.datasets import Invalid
from webapp.api.experiments import ExperimentOut, experiment_out, visible
from webapp.archives.bringing import bring
from webapp.archives.leaving import Unfinished, packed
from webapp.explorer.download import download

router = Router()


@router.get("/experiments/{experiment_id}/archive")
def archive(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """The experiment as a zip file: spec, events, predictions, results and checksums. 409 while something of it is at work."""
    experiment = visible(request, experiment_id)
    assert isinstance(request.user, User)
    try:
        return download(packed(experiment, request.user), f"experiment-{experiment.pk}.zip")
    except Unfinished as error:
        raise HttpError(409, str(error)) from None


@router.post("/archives", response={201: ExperimentOut})
def import_archive(request: HttpRequest, file: File[UploadedFile]) -> Status[ExperimentOut]:
    """Verifies an archive, computes its result again, and stores it as an experiment; what differs is said file by file."""
    assert isinstance(request.user, User)
    assert isinstance(file, TemporaryUploadedFile)
    try:
        experiment = bring(request.user, Path(file.temporary_file_path()))
    except Broken as error:
        raise Invalid(*(Problem("file", problem) for problem in error.problems)) from None
    return Status(201, experiment_out(request, experiment, []))
