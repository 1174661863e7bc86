"""The page of disagreements: everything shown of one view of an experiment's examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from training.metrics.intervals import Estimate
from training.spec import Problem
from webapp.charts.numbers import rate, rate_interval
from webapp.charts.probabilities import answer_axis, answer_bars
from webapp.example_queries.cache import Page
from webapp.example_queries.refusal import Refused
from webapp.example_queries.rows import Example, Labelled, Written
from webapp.example_queries.view import LABELS, NOWHERE, View
from webapp.explorer.cells import Matrix
from webapp.explorer.choices import MODES, MODES_OF_NAMES, Choice, columns_of, sorts_of
from webapp.explorer.finished_models import FinishedModels
from webapp.explorer.histograms import Brush, brushes_of
from webapp.explorer.map import Map
from webapp.explorer.marked_text import Piece, plain, sides_of
from webapp.explorer.model_choice import ModelChoice
from webapp.explorer.open_view import OpenView, open_view
from webapp.explorer.titles import ROLES, proposer
from webapp.explorer.verification import verify_ahead
from webapp.explorer.written_answers import WrittenAnswer, written_answers
from webapp.findings.wording import lower
from webapp.notes import queries as notes
from webapp.notes.models import Tag

PATIENCE = 1.0
"""Seconds for which the page waits for its files before it reports that they are being made."""

MOST_LISTED = 20
"""Number of classes up to which a filter lists them."""


@dataclass(frozen=True)
class Line:
    """One example in the table: with labels ``gold`` and ``bars``, with written answers ``accepted`` and ``written``."""

    example: Example
    number: int
    text: list[Piece]
    text_b: list[Piece] | None
    tags: list[Tag]
    noted: bool
    alike: str
    """The query of all examples of its group."""
    gold: str = ""
    bars: str = ""
    accepted: Sequence[list[Piece]] = ()
    written: Sequence[WrittenAnswer] = ()

    @property
    def report_author(self) -> User | None:
        """The account that proposed the example for the report, or None."""
        return proposer(self.tags)


class Explorer(ModelChoice):
    """Everything that the page shows, read in the constructor while the view is open."""

    def __init__(self, opened: OpenView, typed: str) -> None:
        super().__init__(opened)
        self.typed = typed
        self.matrix = Matrix(opened.summary.cells, self.view, opened.triplet, self.titles, self.classes)
        self.measures = opened.summary.measures
        self.total = self.about.rows
        self.brushes: list[Brush] = brushes_of(self.view, opened.summary.histograms, self.titles)
        self.map = Map(opened) if self.view.mapped else None
        self.more = opened.page.more
        self.first = opened.page.before + 1 if opened.page.examples else 0
        self.lines = self._lines(opened, opened.page)
        self.tag_names = notes.names(opened.fingerprint)

    def _lines(self, opened: OpenView, page: Page) -> list[Line]:
        ids = [example.id for example in page.examples]
        tags, noted = notes.tags_of(opened.fingerprint, ids), notes.noted(opened.fingerprint, ids)
        lines = []
        for number, example in enumerate(page.examples, self.first):
            text, other = sides_of(*page.texts[example.row])
            alike = self.view.but(group=example.group, cell=()).query()
            line = Line(example, number, text, other, tags.get(example.id, []), example.id in noted, alike)
            lines.append(replace(line, **self._answers(example, page)))
        return lines

    def _answers(self, example: Example, page: Page) -> dict[str, Any]:
        """Return the fields of a line that its kind has."""
        if isinstance(example, Written):
            accepted = [plain(pieces) for pieces in page.accepted[example.row]]
            return {"accepted": accepted, "written": written_answers(self.legend, example, page.written[example.row])}
        assert isinstance(example, Labelled)
        return {"bars": self.bars(example), "gold": self.class_name(example.gold)}

    def bars(self, example: Labelled) -> str:
        said = [(token, title, answer.prob) for (token, title), answer in zip(self.legend, example.said.values(), strict=True)]
        return answer_bars(said, self.side(example.gold), self.of)

    @property
    def axis(self) -> str:
        return answer_axis(f"P({self.of}){', gold side tinted' if self.classes == 2 else ''}")

    # Choices.

    @property
    def sorts(self) -> list[Choice]:
        return [
            Choice(title, self.view.but(sort=name).query(), name == self.view.sort, help)
            for name, (title, help) in sorts_of(self.about).items()
        ]

    @property
    def columns(self) -> list[Choice]:
        shown = self.view.column
        choices = []
        for name, title in columns_of(self.about).items():
            there = name in shown
            after = tuple(column for column in shown if column != name) if there else (*shown, name)
            choices.append(Choice(title, self.view.but(column=after).query(), there))
        return choices

    @property
    def seats(self) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
        """The field, the title and the possible models of rows, columns and halves of the matrix."""
        titles = ("Rows", "Columns", "Halves of columns")
        return [
            (seat, title, [(model.key[:12], self.names.whole(model), model == sits) for model in self.finished.models])
            for seat, title, sits in zip(ROLES, titles, self.triplet.all, strict=True)
        ]

    @property
    def mixed(self) -> bool:
        """Return whether the three are no triplet of the plan, so that only the section on other models names them."""
        return self.triplet not in self.finished.triplets

    @property
    def modes(self) -> list[tuple[str, str]]:
        return list((MODES if self.worded else MODES_OF_NAMES).items())

    @property
    def golds(self) -> list[tuple[int, str]]:
        """The classes in the order of the filter: of two the positive one first, of many by number."""
        numbers = range(self.classes or 0)
        return [(label, self.class_name(label)) for label in (numbers if self.many_classes else reversed(numbers))]

    @property
    def gold_options(self) -> SafeString:
        """The classes as options of the field for a class."""
        return options(tuple(self.golds))

    @property
    def searched(self) -> str:
        """The label of the search, with the texts that it looks through."""
        if self.written:
            return "Search prompts and answers"
        return {"image": "Search the names of images", "row": "Search the row ids"}.get(self.noun, "Search the text")

    @property
    def many_classes(self) -> bool:
        """Return whether classes are searched for by number or name, and not chosen from a list."""
        return (self.classes or 0) > MOST_LISTED

    @property
    def hidden(self) -> list[tuple[str, Any]]:
        """The hidden fields of the form: the parts of the view that it has no other fields for."""
        view = self.view
        fields = [("split", view.split), ("sort", view.sort), ("group", view.group), ("map", "shown" if view.mapped else "")]
        fields += [(name, getattr(view, name)) for name in LABELS]
        pairs = [(name, value) for name, value in fields if value not in (None, "")]
        return [*pairs, *(("cell", cell) for cell in view.cell), *(("column", name) for name in view.column)]

    @property
    def given_labels(self) -> list[str]:
        """The conditions of the view on the models' labels, in words."""
        labels = ((title, self.view.label_of(seat)) for title, seat in zip(self.titles, ROLES, strict=True))
        return [f"{lower(title)} says {self.class_name(label)}" for title, label in labels if label is not None]

    @property
    def with_map(self) -> str:
        return self.view.but(map="shown").query()

    @property
    def without_map(self) -> str:
        return self.view.but(map="hidden", **NOWHERE).query()

    # Facts.

    @property
    def facts(self) -> list[tuple[str, str, str]]:
        """The title, value and interval of each measure of the slice; no value where the chosen cells decide it."""
        measures, weak = self.measures, lower(self.titles[0])
        estimates: list[tuple[str, str, Estimate | None]] = [
            (f"{title} right", seat, measures.accuracy[seat]) for title, seat in zip(self.titles, ROLES, strict=True)
        ]
        estimates.append(("Agreement", "agreement", measures.agreement))
        estimates.append((f"where {weak} is right", "agreement_right", measures.agreement_right))
        estimates.append((f"where {weak} is wrong", "agreement_wrong", measures.agreement_wrong))
        return [
            (title, *(("", "set by the filter") if name in measures.decided else _value_and_interval(estimate)))
            for title, name, estimate in estimates
        ]

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1

    @cached_property
    def next(self) -> str:
        if not self.more:
            return ""
        return self.view.model_copy(update={"after": self.lines[-1].example.cursor}).query()

    @property
    def beginning(self) -> str:
        return self.view.but().query()

    @property
    def formats(self) -> list[tuple[str, str]]:
        return [("csv", "CSV"), ("jsonl", "JSON lines"), ("parquet", "Parquet"), ("datasets", "folder for datasets")]

    @property
    def unfiltered(self) -> str:
        """The same models, split, order and columns without any filter."""
        rest = self.view.model_dump(include={"weak", "student", "ceiling", "split", "sort", "column", "map"})
        return View.model_validate(rest).query()


@lru_cache(maxsize=16)
def options(classes: tuple[tuple[int, str], ...]) -> SafeString:
    """Return options of a form field, made once: Django takes 40 ms to write a thousand of them, a template a second."""
    return format_html_join("", '<option value="{}">{}</option>', classes)


def _value_and_interval(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "–", ""
    return rate(estimate.value), "" if estimate.low is None else rate_interval(estimate)


def explored(finished: FinishedModels, view: View) -> tuple[Explorer, list[Problem]]:
    """Return the page of the view without an impossible search or rectangle, and the problem. Raises as ``open_view`` does.

    Seats that name a triplet of the plan get their shortest names, since a form sends all three with every filter.
    """
    view = view.model_copy(update=finished.named(finished.chosen(view)))
    try:
        with open_view(finished, view, PATIENCE) as opened:
            verify_ahead(finished, opened.triplet)
            return Explorer(opened, view.q), []
    except Refused as refused:
        with open_view(finished, view.without(refused.problem.path)) as opened:
            return Explorer(opened, view.q), [refused.problem]
