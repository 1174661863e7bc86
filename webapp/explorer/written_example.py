"""The page of an example with a written answer: what all models of the pair wrote, and how it differs from the references."""

from dataclasses import dataclass
from functools import cached_property

from training.answers import RESERVED
from training.storage.columns import row_of
from webapp.charts.chess_figure import COLUMNS as BOARD
from webapp.charts.chess_figure import Written as Move
from webapp.example_queries.rows import Written
from webapp.explorer.example import ExamplePage, Verdict
from webapp.explorer.finished_models import Model
from webapp.explorer.marked_text import plain
from webapp.explorer.open_view import OpenView
from webapp.explorer.text_changes import Change, changes_from
from webapp.explorer.written_answers import WrittenAnswer, written_answers

SMALLEST = 2
"""Evaluations from which on there is something to say of the answers over training."""


@dataclass(frozen=True)
class Difference:
    """The text of one model, as changes from the accepted answer that is most like it, which is ``reference``."""

    answer: WrittenAnswer
    changes: list[Change]
    compared: bool
    """False where the two are too long to be compared, and the text is whole in ``changes``."""
    reference: str


@dataclass(frozen=True)
class Evaluated:
    """The student's answer after ``step`` steps of training; ``last`` is the last step with the same answer."""

    step: int
    last: int
    answer: str
    right: bool


class WrittenPage(ExamplePage):
    example: Written
    chart = None

    def __init__(self, opened: OpenView, example: int) -> None:
        super().__init__(opened, example)
        row = self.example.row
        self.accepted = [plain(pieces) for pieces in opened.slice.accepted([row], whole=True)[row]]
        whole = row_of(opened.source.dataset, self.example.id)
        self.columns = {} if whole is None else whole.to_pylist()[0]
        self.answers = written_answers(self.legend, self.example, opened.slice.written([row], whole=True)[row])
        _, self.references, _ = opened.slice.whole_written([row])[row]

    @property
    def others(self) -> list[tuple[str, str]]:
        """The further columns of the row as texts, those that a board shows left out."""
        drawn = BOARD if all(self.columns.get(name) for name in BOARD) else ()
        shown = {name: value for name, value in self.columns.items() if name not in (*RESERVED, *drawn)}
        texts = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in shown.items()}
        return [(name, str(text)) for name, text in texts.items() if text not in (None, "")]

    @property
    def moves(self) -> list[Move]:
        """The moves that the three models wrote, for a board."""
        return [
            Move(answer.title, self.names.style(model), wrote.text, wrote.right)
            for answer, model, wrote in zip(self.answers, self.triplet.all, self.example.said.values(), strict=True)
        ]

    @cached_property
    def differences(self) -> list[Difference]:
        said = zip(self.answers, self.example.said.values(), strict=True)
        differences = []
        for answer, wrote in said:
            changes, reference = changes_from(self.references, wrote.text)
            whole = [Change("same", wrote.text)]
            differences.append(Difference(answer, whole if changes is None else changes, changes is not None, reference))
        return differences

    def _verdict(self, model: Model) -> Verdict | None:
        wrote = self.store.read_answer(model.key, self.example.id)
        if wrote is None or str(wrote.split[0]) != self.view.split:
            return None
        label = str(wrote.answer[0]) or "none"
        return Verdict(model, label, bool(wrote.right[0]), model in self.triplet.all, float(wrote.log_probability[0]))

    @cached_property
    def course(self) -> list[Evaluated]:
        """The student's answers over its training, equal ones in a row as one; empty where the example was not evaluated."""
        if self.view.split != "test":
            return []
        try:
            path = self.store.read_written_path(self.triplet.student.key, self.example.id)
        except FileNotFoundError:
            path = None
        if path is None or len(path.steps) < SMALLEST:
            return []
        course: list[Evaluated] = []
        for step, answer, right in zip(path.steps.tolist(), path.answer[:, 0], path.right[:, 0].tolist(), strict=True):
            if course and course[-1].answer == answer:
                course[-1] = Evaluated(course[-1].step, step, answer, right)
            else:
                course.append(Evaluated(step, step, answer, right))
        return course

    @property
    def _own_facts(self) -> list[tuple[str, str]]:
        hard = self.example.difficulty
        return [("Difficulty", f"{hard:,.6g}")] if hard is not None else []
