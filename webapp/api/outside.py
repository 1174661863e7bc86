"""Labels from outside in the API: the list, and files of labels that can supervise."""

from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import ValidationError

from training import catalog
from training.catalog import outside
from training.catalog.outside import About, OutsideCard
from training.spec import Problem, describe
from webapp.actions import outside as outside_actions
from webapp.api.datasets import Invalid

router = Router()


class SupervisorOut(Schema):
    """Labels from outside that can supervise; experiments on ``dataset`` name them ``model`` among their weak models.

    ``files`` is 1 where one file stands for all seeds, else file i is for seed i. ``hard`` labels are classes without
    probabilities. ``missing`` is the number of examples of the data set without a label, and ``shares`` has the share of each
    class.
    """

    model: str
    name: str
    dataset: str
    digest: str
    rows: int
    files: int
    hard: bool
    missing: int
    shares: list[float]
    warnings: list[str]
    source: str
    licence: str
    author: str
    text: str
    made: datetime


def supervisor_out(card: OutsideCard) -> SupervisorOut:
    return SupervisorOut(**card.model_dump(include=set(SupervisorOut.model_fields)), model=card.model)


def about_of(**fields: str) -> About:
    """Return the description in a request. Raises Invalid."""
    try:
        return About.model_validate(fields)
    except ValidationError as error:
        raise Invalid(*describe(error.errors())) from None


def sent(files: list[UploadedFile]) -> list[tuple[Path, str]]:
    """Return the paths of uploaded files, with the names that they were sent with."""
    paths = []
    for file in files:
        assert isinstance(file, TemporaryUploadedFile)
        paths.append((Path(file.temporary_file_path()), file.name or ""))
    return paths


@router.get("/supervisors", response=list[SupervisorOut])
def supervisors(request: HttpRequest, dataset: str = "") -> list[SupervisorOut]:
    """List the labels from outside that can supervise, the newest first: all, or those of one data set."""
    known = catalog.known_dataset(dataset) if dataset else None
    cards = outside.cards("supervisor", known.digest if known else "") if known or not dataset else []
    return [supervisor_out(card) for card in cards]


@router.post("/supervisors", response={201: SupervisorOut})
def add_supervisor(
    request: HttpRequest,
    files: File[list[UploadedFile]],
    dataset: Form[str],
    name: Form[str],
    source: Form[str],
    licence: Form[str] = "",
    author: Form[str] = "",
    text: Form[str] = "",
) -> Status[SupervisorOut]:
    """Upload labels that were made elsewhere: CSV, JSON lines or Parquet with id and probability or label.

    One file stands for all seeds; of several, file i is for seed i. Every problem is named with its rows and ids.
    """
    assert isinstance(request.user, User)
    about = about_of(name=name, source=source, licence=licence, author=author, text=text)
    if catalog.known_dataset(dataset) is None:
        raise Invalid(Problem("dataset", f"There is no data set called “{dataset}” here."))
    try:
        card = outside_actions.add_supervisor(request.user, sent(files), dataset, about)
    except ValueError as error:
        raise Invalid(Problem("files", str(error))) from None
    return Status(201, supervisor_out(card))
