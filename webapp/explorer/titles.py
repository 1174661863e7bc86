"""Who a page of examples is about: the three models of its view and what they and the classes are called."""

from collections.abc import Iterable

from django.contrib.auth.models import User

from training import catalog
from training.catalog import DatasetEntry
from webapp.charts.styles import CEILING, WEAK, Style, student_styles
from webapp.example_queries.view import View
from webapp.explorer.finished_models import Cast, Model, Trio
from webapp.explorer.open_view import Look
from webapp.findings.wording import lower, method_titles, short_methods, short_model
from webapp.notes.models import REPORT, Tag

ROLES = {"weak": "Supervisor", "student": "Student", "ceiling": "Ceiling"}


class Titles:
    """How models are called: short beside others of their role, whole alone."""

    def __init__(self, cast: Cast) -> None:
        self.spec = cast.spec
        self.methods, self.shorts = method_titles(cast.spec), short_methods(cast.spec)
        self.looks = student_styles([method.kind for method in cast.spec.methods])

    def look(self, model: Model) -> Style:
        return self.looks[model.method] if model.method is not None else WEAK if model.role == "weak" else CEILING

    def whole(self, model: Model) -> str:
        """Student, confidence loss, MiniLM L4, seed 0"""
        what = {"weak": "Weak supervisor", "ceiling": "Strong ceiling"}.get(model.role, "Student")
        how = f", {lower(self.methods[model.method])}" if model.method is not None else ""
        return f"{what}{how}, {short_model(model.name)}, seed {model.seed}"

    def seats(self, trio: Trio) -> list[str]:
        """Supervisor, Student, Ceiling; where other models sit there, what tells them apart."""
        if [model.role for model in trio.all] == list(ROLES):
            return list(ROLES.values())
        titles = [self._short(model) for model in trio.all]
        for more in ([f"seed {model.seed}" for model in trio.all], [short_model(model.name) for model in trio.all]):
            alike = [titles.count(title) > 1 for title in titles]
            titles = [f"{title}, {word}" if same else title for title, word, same in zip(titles, more, alike, strict=True)]
        return titles

    def _short(self, model: Model) -> str:
        return ROLES[model.role] if model.method is None else f"Student {lower(self.shorts[model.method])}"


def proposer(tags: Iterable[Tag]) -> User | None:
    """Who proposed the example with these tags for the report; None where nobody has."""
    return next((tag.author for tag in tags if tag.name == REPORT), None)


class Subject:
    def __init__(self, look: Look) -> None:
        self.view: View = look.view
        self.trio, self.cast = look.trio, look.cast
        self.experiment = look.cast.experiment
        self.names = Titles(look.cast)
        self.titles = self.names.seats(look.trio)
        self.dataset: DatasetEntry | None = catalog.known_dataset(look.trio.student.spec.dataset)

        self.classes = look.slice.about.classes

    @property
    def of(self) -> str:
        """The class whose probability is drawn."""
        return self.class_name(1) if self.classes == 2 else "gold label"

    def side(self, gold: int) -> int | None:
        """The half of a drawing on which the gold label is, None where there is no such half."""
        return gold if self.classes == 2 else None

    @property
    def query(self) -> str:
        return self.view.query()

    @property
    def legend(self) -> list[tuple[str, str]]:
        return [(self.names.look(model).token, title) for model, title in zip(self.trio.all, self.titles, strict=True)]

    @property
    def positive(self) -> str:
        return self.class_name(1)

    def class_name(self, label: int) -> str:
        if self.dataset is None:
            return f"class {label}"
        return self.dataset.classes[label]
