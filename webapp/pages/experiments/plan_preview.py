"""The plan beside the form: numbers of runs, and a matrix of supervisors and students."""

from dataclasses import dataclass

from training import ExperimentSpec
from training.planning.estimates import Rows, rows_of
from webapp.experiments.queries import Preview
from webapp.findings.wording import count, duration, joined, lower, method_titles, short_model

LEFT, TOP, WIDTH = 112, 40, 360
CELL_HEIGHT, PITCH = 30, 36
WIDEST = 76
LONGEST_NAME = 13


def clipped(name: str) -> str:
    """Return a name that fits beside the matrix."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


@dataclass(frozen=True)
class Box:
    """A rectangle of the matrix; ``todo`` is the share of its runs that have to be trained."""

    x: float
    y: float
    width: float
    height: float
    todo: float
    title: str

    @property
    def todo_height(self) -> float:
        return round(self.height * self.todo, 1)

    @property
    def todo_y(self) -> float:
        return round(self.y + self.height - self.todo_height, 1)


@dataclass(frozen=True)
class Text:
    x: float
    y: float
    text: str
    turned: bool = False


@dataclass(frozen=True)
class Matrix:
    boxes: list[Box]
    labels: list[Text]
    height: float
    top: float


class PlanView:
    def __init__(self, spec: ExperimentSpec, preview: Preview) -> None:
        self.spec, self.preview = spec, preview

    @property
    def json(self) -> str:
        return self.spec.model_dump_json()

    @property
    def time(self) -> str:
        return duration(self.preview.seconds) if self.preview.to_run else ""

    @property
    def button(self) -> str:
        return f"Start {count(self.preview.to_run, 'run')}" if self.preview.to_run else "Show the result"

    @property
    def unique_percent(self) -> float:
        return round(100 * self.preview.unique / self.preview.requested, 1)

    @property
    def todo_percent(self) -> float:
        return round(100 * self.preview.to_run / self.preview.requested, 1)

    @property
    def at_work(self) -> int:
        return len(self.preview.at_work)

    @property
    def words(self) -> str:
        spec = self.spec
        parts = [
            f"{len(spec.weak.models)} weak",
            f"{len(spec.strong.models)} strong",
            count(len(spec.methods), "method"),
            count(spec.seeds, "seed"),
        ]
        cells = ""
        if len(spec.methods) > 1:
            cells = f" Cells are split from left to right: {joined([lower(title) for title in method_titles(spec)])}."
        each = "a supervisor, a student and a ceiling"
        if self.preview.requested > 3 * len(self.preview.plan.triplets):
            each = "a supervisor, a student, a ceiling and the further runs that its method needs"
        return (
            f"{' × '.join(parts)}, each with {each}, make {self.preview.requested:,}.{cells} "
            "The small square is the supervisor’s own run."
        )

    @property
    def rows(self) -> Rows:
        """The rows of half B, of the test set and of the locked one."""
        return rows_of(self.spec.data.name, self.spec.data, "B")

    @property
    def half_a(self) -> Rows:
        return rows_of(self.spec.data.name, self.spec.data, "A")

    @property
    def all_rows(self) -> int:
        return sum(self.rows) + self.half_a.train + self.half_a.validation

    @property
    def matrix(self) -> Matrix:
        """The matrix: rows are supervisors and columns students, cells are split by method, and the last row has the ceilings."""
        weak, strong, methods = self.spec.weak.models, self.spec.strong.models, len(self.spec.methods)
        turned = len(strong) > 3
        top = 96 if turned else TOP
        pitch = min(WIDEST, (WIDTH - LEFT) / len(strong))
        width = pitch - (10 if pitch > 50 else 4)
        runs: dict[tuple[str, str, str | int], set[str]] = {}
        for triplet in self.preview.plan.triplets:
            runs.setdefault(("weak", triplet.weak_model, ""), set()).add(triplet.weak)
            runs.setdefault(("ceiling", triplet.strong_model, ""), set()).add(triplet.ceiling)
            runs.setdefault((triplet.weak_model, triplet.strong_model, triplet.method), set()).add(triplet.student)

        def box(key: tuple[str, str, str | int], x: float, y: float, width: float, height: float, title: str) -> Box:
            todo = runs[key] - self.preview.done
            said = f"{title}: {len(todo)} of {count(len(runs[key]), 'run')} to train"
            return Box(round(x, 1) + 0.5, y + 0.5, round(width, 1) - 1, height - 1, len(todo) / len(runs[key]), said)

        boxes, labels = [], []
        for column, model in enumerate(strong):
            middle = LEFT + column * pitch + width / 2
            labels.append(Text(round(middle + (4 if turned else 0), 1), top - 8, clipped(short_model(model)), turned))
        for row, supervisor in enumerate(weak):
            y = top + row * PITCH
            labels.append(Text(0, y + CELL_HEIGHT / 2 + 4, clipped(short_model(supervisor))))
            boxes.append(box(("weak", supervisor, ""), 82, y + 6, 18, 18, f"{short_model(supervisor)} as supervisor"))
            for column, student in enumerate(strong):
                part = width / methods
                for method in range(methods):
                    x = LEFT + column * pitch + method * part
                    title = f"{short_model(supervisor)} to {short_model(student)}, {lower(method_titles(self.spec)[method])}"
                    boxes.append(
                        box((supervisor, student, method), x, y, part - (2 if method < methods - 1 else 0), CELL_HEIGHT, title)
                    )
        y = top + len(weak) * PITCH + 8
        labels.append(Text(0, y + 13, "Ceilings"))
        for column, student in enumerate(strong):
            boxes.append(box(("ceiling", student, ""), LEFT + column * pitch, y, width, 18, f"{short_model(student)} as ceiling"))
        return Matrix(boxes, labels, y + 26, top)
