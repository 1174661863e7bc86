"""Titles on a page of examples: those of the three models of its view, and the names of the classes."""

from collections.abc import Callable, Iterable

from django.contrib.auth.models import User

from training import catalog
from training.catalog import DatasetEntry
from webapp.charts.styles import CEILING, WEAK, Style, student_styles
from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.pictures import has_pictures
from webapp.example_queries.view import View
from webapp.explorer.finished_models import FinishedModels, Model, Triplet
from webapp.explorer.open_view import OpenView
from webapp.findings.wording import lower, method_titles, short_methods, short_model
from webapp.notes.models import REPORT, Tag

ROLES = {"weak": "Supervisor", "student": "Student", "ceiling": "Ceiling"}


class Titles:
    """Titles of models: short beside others of their role, whole alone."""

    def __init__(self, finished: FinishedModels) -> None:
        self.spec = finished.spec
        self.methods, self.shorts = method_titles(finished.spec), short_methods(finished.spec)
        self.styles = student_styles([method.kind for method in finished.spec.methods])

    def style(self, model: Model) -> Style:
        return self.styles[model.method] if model.method is not None else WEAK if model.role == "weak" else CEILING

    def whole(self, model: Model) -> str:
        """Student, confidence loss, MiniLM L4, seed 0"""
        what = {"weak": "Weak supervisor", "ceiling": "Strong ceiling"}.get(model.role, "Student")
        how = f", {lower(self.methods[model.method])}" if model.method is not None else ""
        return f"{what}{how}, {short_model(model.name)}, seed {model.seed}"

    def seats(self, triplet: Triplet) -> list[str]:
        """Return “Supervisor”, “Student”, “Ceiling”; for other models, titles with whatever distinguishes them."""
        if [model.role for model in triplet.all] == list(ROLES):
            return list(ROLES.values())
        titles = [self._short(model) for model in triplet.all]
        for more in ([f"seed {model.seed}" for model in triplet.all], [short_model(model.name) for model in triplet.all]):
            alike = [titles.count(title) > 1 for title in titles]
            titles = [f"{title}, {word}" if same else title for title, word, same in zip(titles, more, alike, strict=True)]
        return titles

    def _short(self, model: Model) -> str:
        return ROLES[model.role] if model.method is None else f"Student {lower(self.shorts[model.method])}"


def proposer(tags: Iterable[Tag]) -> User | None:
    """Return the account that proposed the example with these tags for the report, or None."""
    return next((tag.author for tag in tags if tag.name == REPORT), None)


def class_names(dataset: str) -> Callable[[int], str]:
    """Return a function from the numbers of the classes of a data set to their names, which are numbers where it is gone."""
    known = catalog.known_dataset(dataset)
    return lambda label: known.classes[label] if known else f"class {label}"


class Subject:
    def __init__(self, opened: OpenView) -> None:
        self.view: View = opened.view
        self.triplet, self.finished = opened.triplet, opened.finished
        self.experiment = opened.finished.experiment
        self.names = Titles(opened.finished)
        self.titles = self.names.seats(opened.triplet)
        self.dataset: DatasetEntry | None = catalog.known_dataset(opened.triplet.student.spec.dataset)

        self.pictured = has_pictures(opened.source.dataset)
        self.about = opened.slice.about
        self.classes, self.written = self.about.classes, self.about.kind is WRITTEN
        self.worded = self.about.worded

    @property
    def noun(self) -> str:
        """The word for an example: a prompt, a text, an image, or a row of features."""
        if self.worded:
            return "prompt" if self.written else "text"
        return "image" if self.pictured and not (self.dataset and self.dataset.arrays) else "row"

    @property
    def of(self) -> str:
        """The class whose probability is drawn."""
        return self.class_name(1) if self.classes == 2 else "gold label"

    def side(self, gold: int) -> int | None:
        """Return the half of a drawing that stands for the gold label; None with more than two classes."""
        return gold if self.classes == 2 else None

    @property
    def query(self) -> str:
        return self.view.query()

    @property
    def legend(self) -> list[tuple[str, str]]:
        return [(self.names.style(model).token, title) for model, title in zip(self.triplet.all, self.titles, strict=True)]

    @property
    def positive(self) -> str:
        return self.class_name(1)

    def class_name(self, label: int) -> str:
        return self.dataset.classes[label] if self.dataset else f"class {label}"
