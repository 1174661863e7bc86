"""Archives of experiments in the API: download, import, and the permission for new experiments to use imported runs."""

from pathlib import Path
from typing import Literal

from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import File, Router, Schema, Status
from ninja.errors import HttpError
from ninja.files import UploadedFile

from webapp.access import Access, demand, demand_truth
from webapp.actions import archives as archive_actions
from webapp.api.experiment_schemas import ExperimentOut, experiment_out
from webapp.api.experiments import visible
from webapp.archives import accepted_runs
from webapp.archives.export import Unfinished, packed
from webapp.experiments import archive_imports
from webapp.experiments.archive_imports import DiskFull
from webapp.experiments.models import ArchiveImport
from webapp.explorer.download import download

router = Router()

NO_ROOM = 507


class ArchiveImportOut(Schema):
    """The import of an uploaded archive. ``done`` of ``total`` items of its ``phase`` are finished.

    It ends with an ``experiment`` or with ``problems``.
    """

    id: int
    state: Literal["queued", "running", "done", "failed"]
    phase: str
    done: int
    total: int
    problems: list[str]
    experiment: int | None


class AcceptIn(Schema):
    accepted: bool


def import_out(imported: ArchiveImport) -> ArchiveImportOut:
    return ArchiveImportOut(
        id=imported.pk,
        state=imported.state,  # type: ignore[arg-type]
        phase=imported.phase,
        done=imported.done,
        total=imported.total,
        problems=imported.problems,
        experiment=imported.experiment_id,
    )


@router.get("/experiments/{experiment_id}/archive")
def archive(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """Download the experiment as a zip file with its spec, events, predictions, results and checksums.

    The answer is 409 while its runs are queued or in training.
    """
    experiment = visible(request, experiment_id)
    demand_truth(request.user, experiment)
    assert isinstance(request.user, User)
    try:
        return download(packed(experiment, request.user), f"experiment-{experiment.pk}.zip")
    except Unfinished as error:
        raise HttpError(409, str(error)) from None


@router.post("/archives", response={202: ArchiveImportOut})
def import_archive(request: HttpRequest, file: File[UploadedFile]) -> Status[ArchiveImportOut]:
    """Upload an archive for verification. GET /archives/{import_id} returns the progress.

    The answer is 507 if the disk has too little space.
    """
    assert isinstance(request.user, User)
    assert isinstance(file, TemporaryUploadedFile)
    try:
        imported = archive_actions.upload(request.user, Path(file.temporary_file_path()), file.name or "")
    except DiskFull as error:
        raise HttpError(NO_ROOM, str(error)) from None
    return Status(202, import_out(imported))


@router.get("/archives/{import_id}", response=ArchiveImportOut)
def read_import(request: HttpRequest, import_id: int) -> ArchiveImportOut:
    """Return the progress of one of your imports, and in the end its experiment or all problems of the archive."""
    return import_out(get_object_or_404(archive_imports.visible(request.user), pk=import_id))


@router.put("/experiments/{experiment_id}/imported-runs", response=ExperimentOut)
def accept(request: HttpRequest, experiment_id: int, acceptance: AcceptIn) -> ExperimentOut:
    """Allow or forbid new experiments to use the runs of the archive from which this experiment was imported.

    For administrators.
    """
    demand(request.user, Access.ADMIN)
    experiment = visible(request, experiment_id)
    assert isinstance(request.user, User)
    try:
        accepted_runs.accept(experiment, request.user, accepted=acceptance.accepted)
    except ValueError as error:
        raise HttpError(409, str(error)) from None
    return experiment_out(request, experiment, [])
