"""Examples in the API as data: views with their counts, rows of either kind, notes, and confusions of classes."""

from collections.abc import Sequence
from typing import cast

from ninja import Schema
from pydantic import Field

from training.metrics.intervals import Estimate
from webapp.cell_names import BOTH_WRONG, numbered
from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.rows import Example, Labelled, Written
from webapp.example_queries.tables import About
from webapp.example_queries.view import SEATS
from webapp.explorer.open_view import OpenView
from webapp.notes import queries as notes
from webapp.notes.models import Note


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
    and ``group`` have 63 bits and are strings, since many programs round JSON numbers beyond 2^53. The ``text`` of an image or
    of a row of features is its name, and ``words`` is null.
    """

    id: str
    text: str
    text_b: str | None
    gold: int
    group: str
    cell: int = Field(description=CELL)
    words: int | None
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


class ConfusionOut(Schema):
    """Examples of the class ``gold`` to which a model gives another ``label``, of ``of_gold`` examples of that class.

    ``shared`` is the number of these to which the other one, supervisor or student, gives the same label.
    """

    gold: int
    label: int
    number: int
    shared: int
    of_gold: int


class ClassOut(Schema):
    """The examples of a class, how many each model gives the right label, and errors of the supervisor that are copied."""

    gold: int
    rows: int
    weak: int
    student: int
    ceiling: int
    copied: int


class ClassesOut(Schema):
    """The 50 most frequent confusions of supervisor and student, and all classes with examples in the view."""

    weak: list[ConfusionOut]
    student: list[ConfusionOut]
    classes: list[ClassOut]


def example_out(example: Labelled, about: About, text: str, text_b: str | None, tags: list[str]) -> ExampleOut:
    binary = about.classes == 2
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
        words=example.length if about.worded else None,
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
    texts, about = view.slice.whole(rows), view.slice.about
    return [example_out(cast(Labelled, each), about, *texts[each.row], tags.get(each.id, [])) for each in examples]
