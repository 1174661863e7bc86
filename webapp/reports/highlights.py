"""Examples that the author shows: their texts, and the answers of supervisor, student and ceiling."""

from training import catalog
from webapp.cell_names import eight_cells
from webapp.charts.numbers import rate
from webapp.charts.styles import CEILING, WEAK, student_styles
from webapp.example_queries.rows import Example
from webapp.example_queries.search import Refused as Unsearchable
from webapp.example_queries.view import SEATS, View
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import Cast, Missing
from webapp.explorer.open_view import Look, look
from webapp.findings.wording import lower, method_titles, short_model
from webapp.reports.choices import Choices
from webapp.reports.refusal import Refused
from webapp.reports.report import Answer, Mark, Shown


def shown(experiment: Experiment, choices: Choices) -> tuple[Shown, ...]:
    """Return the highlights in the author's order, with the models that the explorer shows first. Raises Refused."""
    if not choices.highlights:
        return ()
    if choices.examples == "none":
        raise Refused("Highlights are examples, but the report shows no examples: remove the highlights, or show examples.")
    try:
        with look(Cast(experiment), View()) as opened:
            return tuple(_shown(opened, highlight.example, highlight.note) for highlight in choices.highlights)
    except (Missing, Unsearchable) as error:
        raise Refused(str(error)) from None


def _shown(opened: Look, number: int, note: str) -> Shown:
    example = opened.slice.example(number)
    if example is None:
        raise Refused(f"Example {number} is not a test example of this experiment.")
    first, second = opened.slice.whole([example.row])[example.row]
    return Shown(
        example=number,
        texts=(first,) if second is None else (first, second),
        gold=_class_name(opened, example.gold),
        answers=_answers(opened, example),
        note=note.strip(),
        cell=eight_cells(opened.slice.about.classes)[example.cell],
    )


def _answers(opened: Look, example: Example) -> tuple[Answer, ...]:
    answers = []
    for seat, mark in zip(SEATS, marks(opened), strict=True):
        said = example.said[seat]
        probability = rate(said.confidence, 2)
        answers.append(
            Answer(mark=mark, label=_class_name(opened, said.label), probability=probability, right=said.label == example.gold)
        )
    return tuple(answers)


def marks(opened: Look) -> list[Mark]:
    """Return weak supervisor, student with its method and strong ceiling, each with model and seed."""
    spec, method = opened.cast.spec, opened.trio.student.method or 0
    styles = [WEAK, student_styles([each.kind for each in spec.methods])[method], CEILING]
    titles = ["Weak supervisor", f"Student, {lower(method_titles(spec)[method])}", "Strong ceiling"]
    return [
        Mark(token=style.token, dash="", title=title, model=f"{short_model(model.name)}, seed {model.seed}")
        for style, title, model in zip(styles, titles, opened.trio.all, strict=True)
    ]


def _class_name(opened: Look, label: int) -> str:
    dataset = catalog.known_dataset(opened.trio.student.spec.dataset)
    return dataset.classes[label] if dataset else f"class {label}"
