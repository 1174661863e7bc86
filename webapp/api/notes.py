"""Tags and notes of examples in the API, and the result without examples that are marked as wrong."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from training.metrics.results import Result
from training.spec import Problem
from webapp.access import NOT_YOUR_WRITING, demand_truth, owns
from webapp.api.datasets import Invalid
from webapp.api.example_schemas import NoteOut, note_out
from webapp.api.examples import opened
from webapp.api.experiments import visible
from webapp.example_queries.view import View
from webapp.explorer.editing import edit_note
from webapp.explorer.finished_models import Missing
from webapp.explorer.marked_wrong import marked
from webapp.notes import queries, services
from webapp.notes.models import LONGEST_NOTE, WRONG, Note, Tag

router = Router()


class TagsOut(Schema):
    """All tags of the example, by any account."""

    tags: list[str]


class NoteIn(Schema):
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)


class MarkedOut(Schema):
    """The result without marked examples. ``examples`` are the ids of test examples with the tag.

    ``result`` is null if there are none.
    """

    tag: str
    examples: list[str]
    original: Result
    result: Result | None


def fingerprint_of(request: HttpRequest, experiment_id: int, example_id: int, view: View) -> str:
    """Return the fingerprint of the data set of an example. Raise HttpError if the view does not have the example."""
    with opened(request, experiment_id, view) as opened_view:
        if opened_view.slice.example(example_id) is None:
            raise Http404
        return opened_view.fingerprint


def tags_out(fingerprint: str, example_id: int) -> TagsOut:
    return TagsOut(tags=[tag.name for tag in queries.tags_of(fingerprint, [example_id]).get(example_id, [])])


@router.put("/experiments/{experiment_id}/examples/{example_id}/tags/{path:tag}", response=TagsOut)
def put_tag(request: HttpRequest, experiment_id: int, example_id: int, tag: str, view: Query[View]) -> TagsOut:
    """Add a tag to the example, for all accounts and all experiments on its data set."""
    assert isinstance(request.user, User)
    fingerprint = fingerprint_of(request, experiment_id, example_id, view)
    try:
        services.tag(request.user, fingerprint, example_id, tag)
    except ValueError as error:
        raise Invalid(Problem("tag", str(error))) from None
    return tags_out(fingerprint, example_id)


@router.delete("/experiments/{experiment_id}/examples/{example_id}/tags/{path:tag}", response=TagsOut)
def take_tag(request: HttpRequest, experiment_id: int, example_id: int, tag: str, view: Query[View]) -> TagsOut:
    """Remove a tag of your own; administrators may remove any. A missing tag is no error."""
    fingerprint = fingerprint_of(request, experiment_id, example_id, view)
    if existing := services.tag_of(fingerprint, example_id, tag):
        take_away(request, existing)
    return tags_out(fingerprint, example_id)


@router.post("/experiments/{experiment_id}/examples/{example_id}/notes", response={201: NoteOut})
def write(request: HttpRequest, experiment_id: int, example_id: int, note: NoteIn, view: Query[View]) -> Status[NoteOut]:
    """Write a note about the example, which all accounts can read."""
    assert isinstance(request.user, User)
    fingerprint = fingerprint_of(request, experiment_id, example_id, view)
    try:
        return Status(201, note_out(services.note(request.user, fingerprint, example_id, note.text)))
    except ValueError as error:
        raise Invalid(Problem("text", str(error))) from None


@router.patch("/notes/{note_id}", response=NoteOut)
def change(request: HttpRequest, note_id: int, note: NoteIn) -> NoteOut:
    """Replace the text of one of your notes."""
    assert isinstance(request.user, User)
    existing = get_object_or_404(Note.objects.select_related("author"), pk=note_id)
    try:
        edit_note(request.user, existing, note.text)
    except ValueError as error:
        raise Invalid(Problem("text", str(error))) from None
    return note_out(existing)


@router.delete("/notes/{note_id}", response={204: None})
def remove(request: HttpRequest, note_id: int) -> Status[None]:
    """Remove one of your notes; administrators may remove any."""
    take_away(request, get_object_or_404(Note, pk=note_id))
    return Status(204, None)


def take_away(request: HttpRequest, written: Note | Tag) -> None:
    if not owns(request.user, written.author_id):
        raise PermissionDenied(NOT_YOUR_WRITING)
    written.delete()


@router.get("/experiments/{experiment_id}/marked", response=MarkedOut)
def without_marked(request: HttpRequest, experiment_id: int) -> MarkedOut:
    """Return the result without the test examples whose gold label is marked as wrong, and the original result."""
    experiment = visible(request, experiment_id)
    demand_truth(request.user, experiment)
    try:
        comparison = marked(experiment)
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    return MarkedOut(
        tag=WRONG, examples=list(map(str, comparison.examples)), original=comparison.original, result=comparison.result
    )
