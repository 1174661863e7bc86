"""Examples in the API: counts and rows of a view, a single example, and exports. The query is that of the page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import Field

from training.metrics.intervals import Estimate
from training.spec import Problem
from webapp.access import demand_truth
from webapp.api.datasets import Invalid
from webapp.cell_names import BOTH_WRONG, numbered
from webapp.example_queries.export import SUFFIXES, Format
from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.refusal import Refused
from webapp.example_queries.rows import Example, Labelled, Written
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
    """The answer of a model. ``prob_of_1`` is null with more than two classes."""

    label: int
    confidence: float
    prob_of_gold: float
    prob_of_1: float | None


class WroteOut(Schema):
    """The text of a model. ``answer`` is the one found in ``text`` by the data set's rule, empty for none, which is wrong.

    ``log_probability`` is that of the whole text in nats; ``ended`` is false for a text that was cut at the limit of tokens.
    """

    text: str
    answer: str
    right: bool
    log_probability: float
    ended: bool


CELL = (
    f"With two classes: {numbered(2)}. With more classes and with written answers 7 and 8 are {BOTH_WRONG}, with the same label "
    "or answer or with different ones."
)


class ExampleOut(Schema):
    """An example with the answers of the models.

    ``cell`` is 1 + 4 (supervisor wrong) + 2 (student wrong) + 1 (ceiling wrong); ``flip_step`` is null without a flip. ``id``
    and ``group`` have 63 bits and are strings, since many programs round JSON numbers beyond 2^53.
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


class WrittenExampleOut(Schema):
    """An example with a written answer, and the answers of the models.

    ``references`` are the accepted answers, ``columns`` the further columns of the data set as texts; ``difficulty`` is null
    where the data has none. The other fields are as in ``ExampleOut``.
    """

    id: str
    text: str
    references: list[str]
    group: str
    cell: int = Field(description=CELL)
    words: int
    difficulty: float | None
    flip_step: int | None
    weak: WroteOut
    student: WroteOut
    ceiling: WroteOut
    columns: dict[str, str | None]
    tags: list[str]


AnyExampleOut = ExampleOut | WrittenExampleOut


class NoteOut(Schema):
    id: int
    text: str
    author: str
    at: str
    edited_at: str | None


class CountsOut(Schema):
    """Counts and measures of a view.

    ``cells`` counts the examples of the view by cell, before the filter of cells; the other numbers are of the view. A share is
    null if no example counts for it, or if the cells of the view determine it.
    """

    total: int
    rows: int
    cells: dict[int, int] = Field(description=CELL)
    accuracy: dict[str, Estimate | None]
    agreement: Estimate | None
    agreement_where_weak_right: Estimate | None
    agreement_where_weak_wrong: Estimate | None
    models: dict[str, str]
    """The key of each model's run."""


class PageOut(Schema):
    """A page of examples. ``after`` is the cursor of the next page, null on the last one."""

    counts: CountsOut
    examples: list[AnyExampleOut]
    after: str | None


class ExampleWithNotesOut(Schema):
    example: AnyExampleOut
    notes: list[NoteOut]


def example_out(example: Labelled, binary: bool, text: str, text_b: str | None, tags: list[str]) -> ExampleOut:
    answers = {
        role: SaidOut(
            label=said.label, confidence=said.confidence, prob_of_gold=said.of_gold, prob_of_1=said.prob if binary else None
        )
        for role, said in example.said.items()
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
        **answers,
    )


def written_out(
    example: Written, text: str, references: list[str], columns: dict[str, str | None], tags: list[str]
) -> WrittenExampleOut:
    return WrittenExampleOut(
        id=str(example.id),
        text=text,
        references=references,
        group=str(example.group),
        cell=example.cell,
        words=example.length,
        difficulty=example.difficulty,
        flip_step=example.flip,
        columns=columns,
        tags=tags,
        **{role: WroteOut(**vars(wrote)) for role, wrote in example.said.items()},
    )


def note_out(note: Note) -> NoteOut:
    edited = note.edited_at.isoformat() if note.edited_at else None
    return NoteOut(id=note.pk, text=note.text, author=note.author.get_username(), at=note.at.isoformat(), edited_at=edited)


def counts_out(view: OpenView) -> CountsOut:
    measures = view.summary.measures
    return CountsOut(
        total=view.slice.about.rows,
        rows=measures.rows,
        cells=dict(view.summary.cells),
        accuracy=measures.accuracy,
        agreement=measures.agreement,
        agreement_where_weak_right=measures.agreement_right,
        agreement_where_weak_wrong=measures.agreement_wrong,
        models=dict(zip(SEATS, view.triplet.keys, strict=True)),
    )


def examples_out(view: OpenView, examples: Sequence[Example]) -> list[AnyExampleOut]:
    tags = {
        example: [tag.name for tag in tags]
        for example, tags in notes.tags_of(view.fingerprint, [example.id for example in examples]).items()
    }
    rows = [example.row for example in examples]
    if view.slice.about.kind is WRITTEN:
        written = view.slice.whole_written(rows)
        return [written_out(cast(Written, each), *written[each.row], tags.get(each.id, [])) for each in examples]
    texts, binary = view.slice.whole(rows), view.slice.about.classes == 2
    return [example_out(cast(Labelled, each), binary, *texts[each.row], tags.get(each.id, [])) for each in examples]


def known(request: HttpRequest, experiment_id: int) -> Experiment:
    """Return the experiment. Raise Http404, PermissionDenied if it is blind, Invalid for an unknown name in the query."""
    unknown = sorted(set(request.GET) - set(View.model_fields) - {"how"})
    if unknown:
        raise Invalid(*(Problem(name, "This is not a setting.") for name in unknown))
    experiment = get_object_or_404(queries.visible(request.user), pk=experiment_id)
    demand_truth(request.user, experiment)
    return experiment


@contextmanager
def opened(request: HttpRequest, experiment_id: int, view: View) -> Iterator[OpenView]:
    """Open the view. Raise HttpError if there are no examples, and Invalid for a search that is not possible."""
    experiment = known(request, experiment_id)
    try:
        with open_view(FinishedModels(experiment), view) as opened_view:
            yield opened_view
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except Refused as refused:
        raise Invalid(refused.problem) from None


@router.get("/experiments/{experiment_id}/examples", response=PageOut)
def examples(request: HttpRequest, experiment_id: int, view: Query[View]) -> PageOut:
    """Return a page of the view, with the counts and measures of the whole view."""
    with opened(request, experiment_id, view) as opened_view:
        page = opened_view.page
        after = page.examples[-1].cursor if page.more else None
        return PageOut(counts=counts_out(opened_view), examples=examples_out(opened_view, page.examples), after=after)


@router.get("/experiments/{experiment_id}/examples/counts", response=CountsOut)
def counts(request: HttpRequest, experiment_id: int, view: Query[View]) -> CountsOut:
    """Return the number of examples of the view by cell, and the measures of the models on them."""
    with opened(request, experiment_id, view) as opened_view:
        return counts_out(opened_view)


@router.get("/experiments/{experiment_id}/examples/export")
def export(request: HttpRequest, experiment_id: int, how: Format, view: Query[View]) -> HttpResponseBase:
    """Export all rows of the view as CSV, JSON lines, Parquet, or a zipped folder for the library datasets."""
    experiment = known(request, experiment_id)
    try:
        file = exported(FinishedModels(experiment), view, how)
    except Missing as missing:
        raise HttpError(404, str(missing)) from None
    except Refused as refused:
        raise Invalid(refused.problem) from None
    return download(file, f"experiment-{experiment_id}-examples.{SUFFIXES[how]}")


@router.get("/experiments/{experiment_id}/examples/{example_id}", response=ExampleWithNotesOut)
def example(request: HttpRequest, experiment_id: int, example_id: int, view: Query[View]) -> ExampleWithNotesOut:
    """Return an example with the answers of the models of the view, its tags and its notes."""
    with opened(request, experiment_id, view) as opened_view:
        selected = opened_view.slice.example(example_id)
        if selected is None:
            raise Http404
        written = [note_out(note) for note in notes.notes_of(opened_view.fingerprint, example_id)]
        return ExampleWithNotesOut(example=examples_out(opened_view, [selected])[0], notes=written)
