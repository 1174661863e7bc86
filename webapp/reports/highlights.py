"""Examples that the author shows: their texts, and what supervisor, student and ceiling say of them."""

from training import catalog
from webapp.cell_names import eight_cells
from webapp.charts.numbers import rate
from webapp.charts.roles import CEILING, WEAK, student_looks
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
    """In the author's order, of the models that the explorer shows first. Raises Refused."""
    if not choices.highlights:
        return ()
    if choices.examples == "none":
        raise Refused("Highlights are examples, and no examples are to be shown: take them away, or show some.")
    try:
        with look(Cast(experiment), View()) as found:
            return tuple(_shown(found, one.example, one.note) for one in choices.highlights)
    except (Missing, Unsearchable) as error:
        raise Refused(str(error)) from None


def _shown(found: Look, number: int, note: str) -> Shown:
    example = found.slice.example(number)
    if example is None:
        raise Refused(f"Example {number} is no test example of this experiment.")
    one, other = found.slice.whole([example.row])[example.row]
    return Shown(
        example=number,
        texts=(one,) if other is None else (one, other),
        gold=_class_name(found, example.gold),
        answers=_answers(found, example),
        note=note.strip(),
        cell=eight_cells(found.slice.about.classes)[example.cell],
    )


def _answers(found: Look, example: Example) -> tuple[Answer, ...]:
    answers = []
    for seat, mark in zip(SEATS, marks(found), strict=True):
        said = example.said[seat]
        probability = rate(said.confidence, 2)
        answers.append(
            Answer(mark=mark, label=_class_name(found, said.label), probability=probability, right=said.label == example.gold)
        )
    return tuple(answers)


def marks(found: Look) -> list[Mark]:
    """Weak supervisor; student with its method; strong ceiling: each with its model and seed."""
    spec, method = found.cast.spec, found.trio.student.method or 0
    looks = [WEAK, student_looks([one.kind for one in spec.methods])[method], CEILING]
    titles = ["Weak supervisor", f"Student, {lower(method_titles(spec)[method])}", "Strong ceiling"]
    return [
        Mark(token=look.token, dash="", title=title, model=f"{short_model(model.name)}, seed {model.seed}")
        for look, title, model in zip(looks, titles, found.trio.all, strict=True)
    ]


def _class_name(found: Look, label: int) -> str:
    dataset = catalog.known_dataset(found.trio.student.spec.dataset)
    return dataset.classes[label] if dataset else f"class {label}"
