"""Examples through the JSON door: a view's counts and rows, one example, exports. The query is that of the page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from training.metrics.intervals import Estimate
from training.spec import Problem
from webapp.api.datasets import Invalid
from webapp.cell_names import BOTH_WRONG, numbered
from webapp.example_queries.export import SUFFIXES, Format
from webapp.example_queries.rows import Example
from webapp.example_queries.search import Refused
from webapp.example_queries.view import SEATS, View
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.explorer.download import download
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import OpenView, exported, open_view
from webapp.notes import queries as notes
from webapp.notes.models import Note

router = Router()


class SaidOut(Schema):
    """``prob_of_1`` is None with more than two classes."""

    label: int
    confidence: float
    prob_of_gold: float
    prob_of_1: float | None


CELL = f"Of two classes: {numbered(2)}. With more classes 7 and 8 are {BOTH_WRONG}, with the same label or with different ones."


class ExampleOut(Schema):
    """``cell`` is 1 + 4 (weak wrong) + 2 (student wrong) + (ceiling wrong); ``flip_step`` is None without a flip.

    ``id`` and ``group`` have 63 bits, and so they are strings: many programs round numbers of JSON beyond 2^53.
    """

    id: str
    text: str
    text_b: str | None
    gold: int
    group: str
    cell: int = Field(description=CELL)
    words: int
    shift: float
    flip_step: int | None
    weak: SaidOut
    student: SaidOut
    ceiling: SaidOut
    tags: list[str]


class NoteOut(Schema):
    id: int
    text: str
    author: str
    at: str
    edited_at: str | None


class CountsOut(Schema):
    """``cells`` counts by cell what the view lets through without its cells; the other numbers are of the view. A share is
    null where no example counts for it, and where the cells of the view decide it.
    """

    total: int
    rows: int
    cells: dict[int, int] = Field(description=CELL)
    accuracy: dict[str, Estimate | None]
    agreement: Estimate | None
    agreement_where_weak_right: Estimate | None
    agreement_where_weak_wrong: Estimate | None
    models: dict[str, str]
    """The key of the run in each seat."""


class PageOut(Schema):
    """``after`` asks for the next page, and is None on the last."""

    counts: CountsOut
    examples: list[ExampleOut]
    after: str | None


class OneOut(Schema):
    example: ExampleOut
    notes: list[NoteOut]


def example_out(example: Example, binary: bool, text: str, text_b: str | None, tags: list[str]) -> ExampleOut:
    said = {
        seat: SaidOut(
            label=one.label, confidence=one.confidence, prob_of_gold=one.of_gold, prob_of_1=one.prob if binary else None
        )
        for seat, one in example.said.items()
    }
    return ExampleOut(
        id=str(example.id),
        text=text,
        text_b=text_b,
        gold=example.gold,
        group=str(example.group),
        cell=example.cell,
        words=example.length,
        shift=example.shift,
        flip_step=example.flip,
        tags=tags,
        **said,
    )


def note_out(note: Note) -> NoteOut:
    edited = note.edited_at.isoformat() if note.edited_at else None
    return NoteOut(id=note.pk, text=note.text, author=note.author.get_username(), at=note.at.isoformat(), edited_at=edited)


def counts_out(found: OpenView) -> CountsOut:
    measures = found.summary.measures
    return CountsOut(
        total=found.slice.about.rows,
        rows=measures.rows,
        cells=dict(found.summary.cells),
        accuracy=measures.accuracy,
        agreement=measures.agreement,
        agreement_where_weak_right=measures.agreement_right,
        agreement_where_weak_wrong=measures.agreement_wrong,
        models=dict(zip(SEATS, found.triplet.keys, strict=True)),
    )


def examples_out(found: OpenView, examples: Sequence[Example]) -> list[ExampleOut]:
    texts = found.slice.whole([example.row for example in examples])
    tags = notes.tags_of(found.fingerprint, [example.id for example in examples])
    binary = found.slice.about.classes == 2
    return [example_out(one, binary, *texts[one.row], [tag.name for tag in tags.get(one.id, [])]) for one in examples]


def known(request: HttpRequest, experiment_id: int) -> Experiment:
    """Raises Http404, and Invalid for a word in the query that no view has."""
    unknown = sorted(set(request.GET) - set(View.model_fields) - {"how"})
    if unknown:
        raise Invalid(*(Problem(name, "This is not a setting.") for name in unknown))
    return get_object_or_404(queries.visible(request.user), pk=experiment_id)


@contextmanager
def opened(request: HttpRequest, experiment_id: int, view: View) -> Iterator[OpenView]:
    """Raises Http404 where there is nothing to look at, Invalid for a search that cannot be made."""
    experiment = known(request, experiment_id)
    try:
        with open_view(FinishedModels(experiment), view) as found:
            yield found
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except Refused as refused:
        raise Invalid(refused.problem) from None


@router.get("/experiments/{experiment_id}/examples", response=PageOut)
def examples(request: HttpRequest, experiment_id: int, view: Query[View]) -> PageOut:
    """A page of the view with the counts and measures of all of it."""
    with opened(request, experiment_id, view) as found:
        page = found.page
        after = page.examples[-1].cursor if page.more else None
        return PageOut(counts=counts_out(found), examples=examples_out(found, page.examples), after=after)


@router.get("/experiments/{experiment_id}/examples/counts", response=CountsOut)
def counts(request: HttpRequest, experiment_id: int, view: Query[View]) -> CountsOut:
    """How many examples the view lets through, by cell, and how good the models are on them."""
    with opened(request, experiment_id, view) as found:
        return counts_out(found)


@router.get("/experiments/{experiment_id}/examples/export")
def export(request: HttpRequest, experiment_id: int, how: Format, view: Query[View]) -> HttpResponseBase:
    """All rows of the view as CSV, JSON lines, Parquet, or a zipped folder that the library datasets loads."""
    experiment = known(request, experiment_id)
    try:
        file = exported(FinishedModels(experiment), view, how)
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except Refused as refused:
        raise Invalid(refused.problem) from None
    return download(file, f"experiment-{experiment_id}-examples.{SUFFIXES[how]}")


@router.get("/experiments/{experiment_id}/examples/{example_id}", response=OneOut)
def example(request: HttpRequest, experiment_id: int, example_id: int, view: Query[View]) -> OneOut:
    """One example as the view's models see it, with its tags and notes."""
    with opened(request, experiment_id, view) as found:
        one = found.slice.example(example_id)
        if one is None:
            raise Http404
        said = [note_out(note) for note in notes.notes_of(found.fingerprint, example_id)]
        return OneOut(example=examples_out(found, [one])[0], notes=said)
