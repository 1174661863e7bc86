"""What people write about examples, through the JSON door: tags, notes, and the result without what is marked wrong."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from training.metrics.results import Result
from training.spec import Problem
from webapp.access import NOT_YOUR_WRITING, owns
from webapp.api.datasets import Invalid
from webapp.api.examples import NoteOut, note_out, opened
from webapp.api.experiments import visible
from webapp.example_queries.view import View
from webapp.explorer.editing import edit_note
from webapp.explorer.finished_models import Missing
from webapp.explorer.marked_wrong import marked
from webapp.notes import queries, services
from webapp.notes.models import LONGEST_NOTE, WRONG, Note, Tag

router = Router()


class TagsOut(Schema):
    """All tags of the example, from whomever."""

    tags: list[str]


class NoteIn(Schema):
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)


class MarkedOut(Schema):
    """``examples`` are the ids of test examples with the tag; ``result`` is None where there are none."""

    tag: str
    examples: list[str]
    original: Result
    result: Result | None


def fingerprint_of(request: HttpRequest, experiment_id: int, example_id: int, view: View) -> str:
    """Of the data set that the example is in, for who may see it in the view. Raises Http404."""
    with opened(request, experiment_id, view) as found:
        if found.slice.example(example_id) is None:
            raise Http404
        return found.fingerprint


def tags_out(fingerprint: str, example_id: int) -> TagsOut:
    return TagsOut(tags=[tag.name for tag in queries.tags_of(fingerprint, [example_id]).get(example_id, [])])


@router.put("/experiments/{experiment_id}/examples/{example_id}/tags/{path:tag}", response=TagsOut)
def put_tag(request: HttpRequest, experiment_id: int, example_id: int, tag: str, view: Query[View]) -> TagsOut:
    """Puts a tag on the example, for everybody and in every experiment on its data set."""
    assert isinstance(request.user, User)
    fingerprint = fingerprint_of(request, experiment_id, example_id, view)
    try:
        services.tag(request.user, fingerprint, example_id, tag)
    except ValueError as error:
        raise Invalid(Problem("tag", str(error))) from None
    return tags_out(fingerprint, example_id)


@router.delete("/experiments/{experiment_id}/examples/{example_id}/tags/{path:tag}", response=TagsOut)
def take_tag(request: HttpRequest, experiment_id: int, example_id: int, tag: str, view: Query[View]) -> TagsOut:
    """Takes away a tag of the account's own, an administrator anybody's; one that is not there is away already."""
    fingerprint = fingerprint_of(request, experiment_id, example_id, view)
    if found := services.tag_of(fingerprint, example_id, tag):
        take_away(request, found)
    return tags_out(fingerprint, example_id)


@router.post("/experiments/{experiment_id}/examples/{example_id}/notes", response={201: NoteOut})
def write(request: HttpRequest, experiment_id: int, example_id: int, note: NoteIn, view: Query[View]) -> Status[NoteOut]:
    """Writes a note about the example, for everybody to read."""
    assert isinstance(request.user, User)
    fingerprint = fingerprint_of(request, experiment_id, example_id, view)
    try:
        return Status(201, note_out(services.note(request.user, fingerprint, example_id, note.text)))
    except ValueError as error:
        raise Invalid(Problem("text", str(error))) from None


@router.patch("/notes/{note_id}", response=NoteOut)
def change(request: HttpRequest, note_id: int, note: NoteIn) -> NoteOut:
    """Puts another text in the place of a note of the account's own."""
    assert isinstance(request.user, User)
    found = get_object_or_404(Note.objects.select_related("author"), pk=note_id)
    try:
        edit_note(request.user, found, note.text)
    except ValueError as error:
        raise Invalid(Problem("text", str(error))) from None
    return note_out(found)


@router.delete("/notes/{note_id}", response={204: None})
def remove(request: HttpRequest, note_id: int) -> Status[None]:
    """Takes away a note of the account's own, an administrator anybody's."""
    take_away(request, get_object_or_404(Note, pk=note_id))
    return Status(204, None)


def take_away(request: HttpRequest, written: Note | Tag) -> None:
    if not owns(request.user, written.author_id):
        raise PermissionDenied(NOT_YOUR_WRITING)
    written.delete()


@router.get("/experiments/{experiment_id}/marked", response=MarkedOut)
def without_marked(request: HttpRequest, experiment_id: int) -> MarkedOut:
    """The result as it would be without the test examples whose gold label is marked wrong, beside the original."""
    try:
        found = marked(visible(request, experiment_id))
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    return MarkedOut(tag=WRONG, examples=list(map(str, found.examples)), original=found.original, result=found.result)
