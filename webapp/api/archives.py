"""Experiments as archives through the JSON door: taking one along, bringing one, and letting others use its runs."""

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

from webapp.access import Access, demand
from webapp.actions import archives as archive_actions
from webapp.api.experiments import ExperimentOut, experiment_out, visible
from webapp.archives import accepted_runs
from webapp.archives.export import Unfinished, packed
from webapp.experiments import archive_imports
from webapp.experiments.archive_imports import NoRoom
from webapp.experiments.models import ArchiveImport
from webapp.explorer.download import download

router = Router()

NO_ROOM = 507


class ArchiveImportOut(Schema):
    """An uploaded archive: ``done`` of ``total`` in its ``phase``; in the end an ``experiment``, or ``problems``."""

    id: int
    state: Literal["queued", "running", "done", "failed"]
    phase: str
    done: int
    total: int
    problems: list[str]
    experiment: int | None


class AcceptIn(Schema):
    accepted: bool


def import_out(one: ArchiveImport) -> ArchiveImportOut:
    return ArchiveImportOut(
        id=one.pk,
        state=one.state,  # type: ignore[arg-type]
        phase=one.phase,
        done=one.done,
        total=one.total,
        problems=one.problems,
        experiment=one.experiment_id,
    )


@router.get("/experiments/{experiment_id}/archive")
def archive(request: HttpRequest, experiment_id: int) -> HttpResponseBase:
    """The experiment as a zip file: spec, events, predictions, results and checksums. 409 while something of it is at work."""
    experiment = visible(request, experiment_id)
    assert isinstance(request.user, User)
    try:
        return download(packed(experiment, request.user), f"experiment-{experiment.pk}.zip")
    except Unfinished as error:
        raise HttpError(409, str(error)) from None


@router.post("/archives", response={202: ArchiveImportOut})
def import_archive(request: HttpRequest, file: File[UploadedFile]) -> Status[ArchiveImportOut]:
    """Queues an archive to be verified; GET /archives/{import_id} says how far that is. 507 where the disk has no room."""
    assert isinstance(request.user, User)
    assert isinstance(file, TemporaryUploadedFile)
    try:
        one = archive_actions.upload(request.user, Path(file.temporary_file_path()), file.name or "")
    except NoRoom as error:
        raise HttpError(NO_ROOM, str(error)) from None
    return Status(202, import_out(one))


@router.get("/archives/{import_id}", response=ArchiveImportOut)
def read_import(request: HttpRequest, import_id: int) -> ArchiveImportOut:
    """How far your archive is, the experiment that it has become, or all that is wrong with it."""
    return import_out(get_object_or_404(archive_imports.visible(request.user), pk=import_id))


@router.put("/experiments/{experiment_id}/imported-runs", response=ExperimentOut)
def accept(request: HttpRequest, experiment_id: int, asked: AcceptIn) -> ExperimentOut:
    """Lets new experiments use the runs of the archive that this experiment came in, or no longer. For administrators."""
    demand(request.user, Access.ADMIN)
    experiment = visible(request, experiment_id)
    assert isinstance(request.user, User)
    try:
        accepted_runs.accept(experiment, request.user, accepted=asked.accepted)
    except ValueError as error:
        raise HttpError(409, str(error)) from None
    return experiment_out(request, experiment, [])
