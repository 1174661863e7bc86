"""Predictions from outside in the API: the texts and labels that are handed out, and predictions that are scored."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import File, Form, Router, Schema, Status
from ninja.errors import HttpError
from ninja.files import UploadedFile

from training.spec import Problem
from webapp.actions import outside as outside_actions
from webapp.api.datasets import Invalid
from webapp.api.experiments import by, visible
from webapp.api.outside import about_of, sent
from webapp.archives.handout import NotHandedOut, packed, supervisor_named
from webapp.experiments.models import Experiment
from webapp.experiments.submissions import Submission, submissions_of
from webapp.explorer.download import download

router = Router()

CONFLICT = 409


class SubmissionOut(Schema):
    """Submitted predictions. ``look`` counts the looks at the test set from 1; ``method`` is the place among the methods.

    The result has their groups and triplets under that method. ``author`` and ``text`` are its author's words.
    """

    look: int
    method: int
    predictions: str
    weak: str
    author: str
    text: str


class SubmissionsOut(Schema):
    """The submissions of an experiment. Each is a look at its test set: ``used`` of ``budget``."""

    budget: int
    used: int
    submissions: list[SubmissionOut]


def submission_out(submission: Submission) -> SubmissionOut:
    card, method = submission.card, submission.method
    return SubmissionOut(
        look=submission.look,
        method=submission.index,
        predictions=method.model,
        weak=method.weak,
        author=card.author if card else "",
        text=card.text if card else "",
    )


def submissions_out(experiment: Experiment) -> SubmissionsOut:
    known = submissions_of(experiment.experiment_spec)
    return SubmissionsOut(budget=experiment.look_budget, used=len(known), submissions=list(map(submission_out, known)))


@router.get("/experiments/{experiment_id}/handout")
def handout(request: HttpRequest, experiment_id: int, weak: str = "") -> HttpResponseBase:
    """Download what a student from outside learns from, as a zip file of CSV files without truth.

    It has the texts of half B with the weak labels of the supervisor ``weak``, for each seed, and the texts of the test set. The
    answer is 409 until supervisors and ceilings have finished.
    """
    experiment = visible(request, experiment_id)
    try:
        return download(packed(experiment, weak), f"experiment-{experiment.pk}-handout.zip")
    except NotHandedOut as error:
        raise HttpError(CONFLICT, str(error)) from None


@router.get("/experiments/{experiment_id}/submissions", response=SubmissionsOut)
def submissions(request: HttpRequest, experiment_id: int) -> SubmissionsOut:
    """List the predictions that were submitted, and the budget of looks at the test set."""
    return submissions_out(visible(request, experiment_id))


@router.post("/experiments/{experiment_id}/submissions", response={201: SubmissionsOut})
def submit(
    request: HttpRequest,
    experiment_id: int,
    files: File[list[UploadedFile]],
    name: Form[str],
    text: Form[str],
    author: Form[str],
    weak: Form[str] = "",
    licence: Form[str] = "",
) -> Status[SubmissionsOut]:
    """Submit predictions for the test set: a file with id and probability or label, or one for each seed.

    They are scored as a student beside the others, marked as submitted from outside. Each submission is a look at the test set;
    a file with a problem is none.
    """
    experiment = visible(request, experiment_id)
    about = about_of(name=name, source=author, licence=licence, author=author, text=text)
    try:
        model = supervisor_named(experiment, weak)
    except NotHandedOut as error:
        raise Invalid(Problem("weak", str(error))) from None
    try:
        outside_actions.submit(by(request), experiment, sent(files), about, model)
    except ValueError as error:
        raise Invalid(Problem("files", str(error))) from None
    return Status(201, submissions_out(experiment))
