"""Attribution of the answers of a view's three models to words: the texts side by side, each word tinted by its effect."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol, TypeVar

from training.command_output import Attribution, Piece
from webapp.attributions import queries
from webapp.attributions.models import Question
from webapp.example_queries.rows import Labelled
from webapp.explorer.open_view import OpenView
from webapp.explorer.titles import Subject

LEVELS = 5
TOP = 3


@dataclass(frozen=True)
class Word:
    """A part of a text; ``tint`` is for1 to for5 or against1 to against5, empty for a very small effect."""

    text: str
    tint: str = ""
    change: float = 0.0
    """Effect in nats."""

    @property
    def effect(self) -> str:
        return signed(self.change)


@dataclass(frozen=True)
class Column:
    """The attribution of one model; ``texts`` are one or two."""

    title: str
    token: str
    question: Question | None
    odds: str
    texts: list[list[Word]]
    top: list[tuple[str, list[Word]]]


class AttributionPage(Subject):
    """The attributions of one example. Raise LookupError for one that the view's models have given no probabilities."""

    template: str

    def __init__(self, opened: OpenView, example: int) -> None:
        row = opened.slice.example(example)
        if not isinstance(row, Labelled):
            raise LookupError(example)
        super().__init__(opened)
        self.example, self.gold, self.row = example, self.class_name(row.gold), row.row
        self.questions = queries.requested(self.triplet.keys, example)

    @property
    def at_work(self) -> bool:
        return any(question.at_work for question in self.questions.values())

    @property
    def open(self) -> bool:
        """Return whether an attribution can be requested."""
        return not self.at_work and any(self._attribution(model.key) is None for model in self.triplet.all)

    def _attribution(self, key: str) -> Attribution | None:
        return self.questions[key].attribution if key in self.questions else None


class WordsPage(AttributionPage):
    """The effects of words."""

    template = "partials/words.html"

    def __init__(self, opened: OpenView, example: int) -> None:
        super().__init__(opened, example)
        self.texts = [text for text in opened.slice.whole([self.row])[self.row] if text is not None]

    @cached_property
    def _scale(self) -> float:
        """The largest effect of any word on any of the three models, in nats: one scale for all."""
        answers = [attribution for model in self.triplet.all if (attribution := self._attribution(model.key))]
        return max((abs(piece.effect) for attribution in answers for piece in attribution.pieces), default=0.0)

    @cached_property
    def columns(self) -> list[Column]:
        columns = []
        for title, model in zip(self.titles, self.triplet.all, strict=True):
            answer = self._attribution(model.key)
            texts = self._tinted(answer) if answer else []
            odds = signed(answer.log_odds) if answer else ""
            token = self.names.style(model).token
            columns.append(Column(title, token, self.questions.get(model.key), odds, texts, top_of(chain.from_iterable(texts))))
        return columns

    def _tinted(self, answer: Attribution) -> list[list[Word]]:
        return [
            self._words(text, [piece for piece in answer.pieces if piece.side == side])
            for side, text in zip("ab", self.texts, strict=False)
        ]

    def _words(self, text: str, pieces: list[Piece]) -> list[Word]:
        words, end = [], 0
        for piece in pieces:
            if piece.start > end:
                words.append(Word(text[end : piece.start]))
            words.append(Word(text[piece.start : piece.end], tint(piece.effect, self._scale), piece.effect))
            end = piece.end
        return [*words, Word(text[end:])] if end < len(text) else words


class Part(Protocol):
    """A part of an example with its effect."""

    @property
    def tint(self) -> str: ...
    @property
    def change(self) -> float: ...


AnyPart = TypeVar("AnyPart", bound=Part)


def tint(change: float, scale: float) -> str:
    """Return for1 to for5 or against1 to against5 by the share of ``change`` in ``scale``, empty for a very small one."""
    level = round(LEVELS * abs(change) / scale) if scale else 0
    return f"{'for' if change > 0 else 'against'}{level}" if level else ""


def top_of(parts: Iterable[AnyPart]) -> list[tuple[str, list[AnyPart]]]:
    """Return the parts with the largest effects for the gold label and against it."""
    order = sorted((part for part in parts if part.tint), key=lambda part: -abs(part.change))
    sides = [("for it", [part for part in order if part.change > 0][:TOP])]
    sides.append(("against it", [part for part in order if part.change < 0][:TOP]))
    return [(title, side) for title, side in sides if side]


def signed(nats: float) -> str:
    return f"{nats:+.2f}".replace("-", "−")
