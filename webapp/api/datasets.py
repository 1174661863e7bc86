"""Data sets in the API: the list, imports of files, downloads of registered data sets, and their progress."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import ValidationError

from training import catalog
from training.answers import AnswerRule
from training.catalog.check_report import Report
from training.catalog.column_mapping import Mapping, problems_of
from training.catalog.dataset_card import About
from training.catalog.datasets import Task
from training.spec import Problem, describe
from webapp.access import NOT_YOUR_IMPORT, owns, sees_truth
from webapp.actions import datasets as dataset_actions
from webapp.imports import blind
from webapp.imports.models import Import

router = Router()


class Invalid(Exception):
    """The content of a request cannot be used; each problem names its field."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = list(problems)


class DatasetOut(Schema):
    """A data set. ``state`` is embedded, ready, or registered (not downloaded yet).

    Only data sets on this installation have rows and a report. ``classes`` are the meanings of the labels, from 0. A
    generative data set has none, and ``answers`` is the rule that finds an answer in a text. The truth of a ``blind`` data set
    is for the account that imported it and for administrators, and for others its report has no samples.
    """

    name: str
    title: str
    state: str
    rows: int | None = None
    task: Task
    classes: list[str]
    answers: AnswerRule | None = None
    group: str
    source: str
    licence: str
    citation: str
    fingerprint: str | None = None
    blind: bool = False
    warnings: list[str] = []
    report: Report | None = None


class ImportOut(Schema):
    """An import of a data set. ``state`` is queued, running, checked, saved, failed or stopped.

    ``dataset`` is the name of a saved data set.
    """

    id: int
    state: str
    phase: str
    done: int
    total: int
    error: str
    dataset: str


def dataset_out(name: str) -> DatasetOut:
    entry = catalog.known_dataset(name)
    if entry:
        return DatasetOut(
            name=entry.name,
            title=entry.title,
            state="embedded" if name in catalog.DATASETS else "ready",
            rows=entry.rows,
            task=entry.task,
            classes=list(entry.classes),
            answers=entry.answers,
            group=entry.group,
            source=entry.source,
            licence=entry.licence,
            citation=entry.citation,
            fingerprint=entry.digest,
            blind=blind.owner_of(entry.name) is not None,
            warnings=list(entry.warnings),
            report=entry.report,
        )
    registered = catalog.registered(name)
    if registered is None:
        raise Http404
    return DatasetOut(
        name=name,
        title=registered.title,
        state="registered",
        task=registered.task,
        classes=list(registered.classes),
        answers=registered.answers,
        group=registered.group,
        source=registered.source,
        licence=registered.licence,
        citation=registered.citation,
    )


def import_out(imported: Import) -> ImportOut:
    return ImportOut(
        id=imported.pk,
        state=imported.state,
        phase=imported.phase,
        done=imported.done,
        total=imported.total,
        error=imported.error,
        dataset=imported.shelved,
    )


@router.get("/datasets", response=list[DatasetOut])
def datasets(request: HttpRequest) -> list[DatasetOut]:
    """List the data sets that can be trained on and the registered ones that can be downloaded, without reports."""
    names = dict.fromkeys([*catalog.ready_datasets(), *catalog.REGISTERED])
    known = [dataset_out(name) for name in names if catalog.known_dataset(name) or name in catalog.REGISTERED]
    return [entry.model_copy(update={"report": None}) for entry in known]


@router.get("/datasets/{name}", response=DatasetOut)
def dataset(request: HttpRequest, name: str) -> DatasetOut:
    """Return a data set with the report of its checks."""
    entry = dataset_out(name)
    if entry.report and not sees_truth(request.user, name):
        entry.report = entry.report.model_copy(update={"samples": ()})
    return entry


class BlindIn(Schema):
    blind: bool


@router.put("/datasets/{name}/blind", response=DatasetOut)
def mark_blind(request: HttpRequest, name: str, change: BlindIn) -> DatasetOut:
    """Mark an imported data set as blind, or no longer: its truth is then shown to its importer and administrators alone."""
    assert isinstance(request.user, User)
    entry = dataset_out(name)
    if not owns(request.user, blind.importer_of(name)):
        raise PermissionDenied(NOT_YOUR_IMPORT)
    try:
        dataset_actions.mark_blind(name, request.user, marked=change.blind)
    except ValueError as error:
        raise Invalid(Problem("blind", str(error))) from None
    entry.blind = change.blind
    return entry


@router.post("/datasets", response={202: ImportOut})
def bring(
    request: HttpRequest,
    file: File[UploadedFile],
    name: Form[str],
    mapping: Form[str],
    title: Form[str] = "",
    source: Form[str] = "",
    licence: Form[str] = "",
    citation: Form[str] = "",
) -> Status[ImportOut]:
    """Upload a file (CSV, JSON lines, Parquet or a zip of images, up to 1 GB) with its column mapping as JSON.

    After its checks it is saved as ``name``.
    """
    assert isinstance(request.user, User)
    assert isinstance(file, TemporaryUploadedFile)
    words = {"title": title, "source": source, "licence": licence, "citation": citation}
    try:
        about = About.model_validate({"name": name, **words})
    except ValidationError as error:
        raise Invalid(*describe(error.errors())) from None
    try:
        how = Mapping.model_validate_json(mapping)
    except ValidationError as error:
        raise Invalid(
            *(Problem(f"mapping.{problem.path}".rstrip("."), problem.message) for problem in problems_of(error))
        ) from None
    try:
        imported = dataset_actions.upload(request.user, Path(file.temporary_file_path()), file.name or "upload")
    except ValueError as error:
        raise Invalid(Problem("file", str(error))) from None
    try:
        dataset_actions.check(imported, how, about)
    except ValueError as error:
        dataset_actions.discard(imported, request.user)
        raise Invalid(Problem("name", str(error))) from None
    return Status(202, import_out(imported))


@router.post("/datasets/{name}/fetch", response={202: ImportOut})
def fetch(request: HttpRequest, name: str) -> Status[ImportOut]:
    """Download a registered data set from the Hub, or make one of the laboratory's own, and check it.

    NAME-seed-3 makes one from seed 3 instead of 0. A repeated request returns the import in progress.
    """
    assert isinstance(request.user, User)
    try:
        imported, _ = dataset_actions.fetch(request.user, name)
    except ValueError as error:
        raise Invalid(Problem("name", str(error))) from None
    return Status(202, import_out(imported))


@router.get("/imports/{import_id}", response=ImportOut, operation_id="webapp_api_datasets_one_import")
def read_import(request: HttpRequest, import_id: int) -> ImportOut:
    """Return the progress of an import."""
    return import_out(get_object_or_404(Import, pk=import_id))
