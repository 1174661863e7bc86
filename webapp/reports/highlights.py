"""Examples that the author shows: their texts, and the answers of supervisor, student and ceiling."""

from training.storage.columns import row_of
from webapp.cell_names import eight_cells
from webapp.charts.chess_figure import chess_figure
from webapp.charts.numbers import rate
from webapp.charts.styles import CEILING, WEAK, student_styles
from webapp.example_queries.pictures import has_pictures, picture
from webapp.example_queries.refusal import Refused as Unsearchable
from webapp.example_queries.rows import Labelled, Written
from webapp.example_queries.view import SEATS, View
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import OpenView, open_view
from webapp.explorer.picture import embedded
from webapp.explorer.titles import class_names
from webapp.findings.wording import lower, method_titles, short_model
from webapp.reports.choices import Choices
from webapp.reports.refusal import Refused
from webapp.reports.report import Answer, Board, Mark, Shown


def shown(experiment: Experiment, choices: Choices) -> tuple[Shown, ...]:
    """Return the highlights in the author's order, with the models that the explorer shows first. Raises Refused."""
    if not choices.highlights:
        return ()
    if choices.examples == "none":
        raise Refused("Highlights are examples, but the report shows no examples: remove the highlights, or show examples.")
    try:
        with open_view(FinishedModels(experiment), View()) as opened:
            return tuple(_shown(opened, highlight.example, highlight.note) for highlight in choices.highlights)
    except (Missing, Unsearchable) as error:
        raise Refused(str(error)) from None


def _shown(opened: OpenView, number: int, note: str) -> Shown:
    example = opened.slice.example(number)
    if example is None:
        raise Refused(f"Example {number} is not a test example of this experiment.")
    first, second = opened.slice.whole([example.row])[example.row]
    if isinstance(example, Written):
        gold, answers = " or ".join(opened.slice.whole_written([example.row])[example.row][1]), _written(opened, example)
    else:
        assert isinstance(example, Labelled)
        gold, answers = _class_name(opened, example.gold), _answers(opened, example)
    return Shown(
        example=number,
        texts=(first,) if second is None else (first, second),
        gold=gold,
        answers=answers,
        note=note.strip(),
        cell=eight_cells(opened.slice.about.classes)[example.cell],
        board=_board(opened, number) if isinstance(example, Written) else None,
        picture=embedded(picture(opened.source.dataset, number)) if has_pictures(opened.source.dataset) else "",
    )


def _board(opened: OpenView, number: int) -> Board | None:
    """Return the position of the example, None for a data set without positions."""
    row = row_of(opened.source.dataset, number)
    columns = {} if row is None else row.to_pylist()[0]
    return Board(**{name: columns.get(name) for name in Board.model_fields}) if chess_figure(columns) else None


def _written(opened: OpenView, example: Written) -> tuple[Answer, ...]:
    return tuple(
        Answer(mark=mark, label=wrote.text, log_probability=rate(wrote.log_probability, 2), right=wrote.right)
        for mark, wrote in zip(marks(opened), example.said.values(), strict=True)
    )


def _answers(opened: OpenView, example: Labelled) -> tuple[Answer, ...]:
    answers = []
    for seat, mark in zip(SEATS, marks(opened), strict=True):
        said = example.said[seat]
        probability = rate(said.confidence, 2)
        answers.append(
            Answer(mark=mark, label=_class_name(opened, said.label), probability=probability, right=said.label == example.gold)
        )
    return tuple(answers)


def marks(opened: OpenView) -> list[Mark]:
    """Return weak supervisor, student with its method and strong ceiling, each with model and seed."""
    spec, method = opened.finished.spec, opened.triplet.student.method or 0
    styles = [WEAK, student_styles([method.kind for method in spec.methods])[method], CEILING]
    titles = ["Weak supervisor", f"Student, {lower(method_titles(spec)[method])}", "Strong ceiling"]
    return [
        Mark(token=style.token, dash="", title=title, model=f"{short_model(model.name)}, seed {model.seed}")
        for style, title, model in zip(styles, titles, opened.triplet.all, strict=True)
    ]


def _class_name(opened: OpenView, label: int) -> str:
    return class_names(opened.triplet.student.spec.dataset)(label)
