"""Which words the answers of a view's three models hang on: their texts side by side, each word tinted by what it does."""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from training.command_output import Attribution, Piece
from webapp.attributions import queries
from webapp.attributions.models import Question
from webapp.explorer.open_view import OpenView
from webapp.explorer.titles import Subject

LEVELS = 5
TOP = 3


@dataclass(frozen=True)
class Word:
    """A part of a text; ``tint`` is for1 to for5 or against1 to against5, empty where it does next to nothing."""

    text: str
    tint: str = ""
    effect: str = ""


@dataclass(frozen=True)
class Column:
    """What one model was asked and said; ``texts`` are one or two."""

    title: str
    token: str
    question: Question | None
    odds: str
    texts: list[list[Word]]
    top: list[tuple[str, list[Word]]]


class WordsPage(Subject):
    """Raises LookupError for an example that the view's models have not seen."""

    def __init__(self, opened: OpenView, example: int) -> None:
        found = opened.slice.example(example)
        if found is None:
            raise LookupError(example)
        super().__init__(opened)
        self.example, self.gold = example, self.class_name(found.gold)
        self.texts = [text for text in opened.slice.whole([found.row])[found.row] if text is not None]
        self.asked = queries.requested(self.triplet.keys, example)

    @property
    def at_work(self) -> bool:
        return any(one.at_work for one in self.asked.values())

    @property
    def open(self) -> bool:
        """Whether there is something left to ask."""
        return not self.at_work and any(self._found(model.key) is None for model in self.triplet.all)

    def _found(self, key: str) -> Attribution | None:
        return self.asked[key].attribution if key in self.asked else None

    @cached_property
    def _scale(self) -> float:
        """The largest effect of any word on any of the three, in nats: one scale for all."""
        answers = [found for model in self.triplet.all if (found := self._found(model.key))]
        return max((abs(piece.effect) for found in answers for piece in found.pieces), default=0.0)

    @cached_property
    def columns(self) -> list[Column]:
        found = []
        for title, model in zip(self.titles, self.triplet.all, strict=True):
            answer = self._found(model.key)
            texts = self._tinted(answer) if answer else []
            odds = signed(answer.log_odds) if answer else ""
            token = self.names.style(model).token
            found.append(Column(title, token, self.asked.get(model.key), odds, texts, top_of(list(chain.from_iterable(texts)))))
        return found

    def _tinted(self, answer: Attribution) -> list[list[Word]]:
        return [
            self._words(text, [piece for piece in answer.pieces if piece.side == side])
            for side, text in zip("ab", self.texts, strict=False)
        ]

    def _words(self, text: str, pieces: list[Piece]) -> list[Word]:
        found, end = [], 0
        for piece in pieces:
            if piece.start > end:
                found.append(Word(text[end : piece.start]))
            level = round(LEVELS * abs(piece.effect) / self._scale) if self._scale else 0
            tint = f"{'for' if piece.effect > 0 else 'against'}{level}" if level else ""
            found.append(Word(text[piece.start : piece.end], tint, signed(piece.effect)))
            end = piece.end
        return [*found, Word(text[end:])] if end < len(text) else found


def top_of(words: list[Word]) -> list[tuple[str, list[Word]]]:
    """The words that do most for the gold label, and against it."""
    order = sorted((word for word in words if word.tint), key=lambda word: -abs(float(word.effect.replace("−", "-"))))
    sides = [("for it", [word for word in order if word.tint.startswith("for")][:TOP])]
    sides.append(("against it", [word for word in order if word.tint.startswith("against")][:TOP]))
    return [(title, side) for title, side in sides if side]


def signed(nats: float) -> str:
    return f"{nats:+.2f}".replace("-", "−")
