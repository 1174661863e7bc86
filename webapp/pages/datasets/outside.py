"""The pages of labels from outside: their upload, and the description of those that were uploaded."""

from pathlib import Path

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from pydantic import ValidationError

from training import catalog
from training.catalog import outside
from training.catalog.outside import About, OutsideCard
from training.names import GIVEN
from training.spec import describe
from webapp.access import member, viewer
from webapp.actions import outside as outside_actions
from webapp.findings.wording import dataset_title
from webapp.pages.datasets.mapping_form import Input

LINES = {"text": 5}
"""Height of the fields for longer texts."""


class LabelsView:
    """Labels from outside on their page."""

    def __init__(self, card: OutsideCard) -> None:
        self.card = card
        self.title = outside.title_of(card.model) or card.name
        self.key = card.model.removeprefix(GIVEN)
        self.dataset_title = dataset_title(card.dataset)
        known = catalog.known_dataset(card.dataset)
        self.current = known is not None and known.digest == card.fingerprint
        """The data set of this name still has the content that they label."""
        names = known.classes if known and self.current else tuple(map(str, range(len(card.shares))))
        self.shares = [(name, f"{100 * share:.1f}%") for name, share in zip(names, card.shares, strict=True)]

    @property
    def kind(self) -> str:
        return "hard labels" if self.card.hard else "probabilities"

    @property
    def seeds(self) -> str:
        return "one file, which stands for every seed" if self.card.files == 1 else f"a file for each of {self.card.files} seeds"


def labels_of(name: str) -> list[LabelsView]:
    """Return the labels from outside that can supervise on the data set ``name``, the newest first."""
    return [LabelsView(card) for card in outside.cards("supervisor", catalog.dataset(name).digest)]


@viewer
def labels(request: HttpRequest, key: str) -> HttpResponse:
    card = outside.card_of(f"{GIVEN}{key}")
    if card is None:
        raise Http404("There are no such labels.")
    return render(request, "pages/outside.html", {"labels": LabelsView(card)})


@member
def upload(request: HttpRequest) -> HttpResponse:
    """Receive files of labels; good ones lead to their page. Without the name of a data set, show the list to choose one from."""
    name = str(request.POST.get("dataset") or request.GET.get("dataset") or "")
    if not name:
        return redirect("datasets")
    known = catalog.known_dataset(name)
    if known is None or known.answers is not None:
        raise Http404(f"Labels for “{name}” cannot be uploaded.")
    values = {field: str(request.POST.get(field, "")).strip() for field in About.model_fields}
    error, problems = "", dict[str, list[str]]()
    if request.method == "POST":
        try:
            return _added(request, name, About.model_validate(values))
        except ValidationError as invalid:
            for problem in describe(invalid.errors()):
                problems.setdefault(problem.path, []).append(problem.message)
            error = " ".join(message for several in problems.values() for message in several)
        except ValueError as refused:
            error = str(refused)
    inputs = [
        Input(
            field,
            info.title or field,
            info.description or "",
            values[field],
            lines=LINES.get(field, 0),
            problems=problems.get(field, []),
        )
        for field, info in About.model_fields.items()
    ]
    context = {"entry": known, "error": error, "inputs": inputs}
    return render(request, "pages/outside_upload.html", context, status=422 if error else 200)


def _added(request: HttpRequest, dataset: str, about: About) -> HttpResponse:
    assert isinstance(request.user, User)
    files = [file for file in request.FILES.getlist("file") if isinstance(file, TemporaryUploadedFile)]
    if not files:
        raise ValueError("Choose a file.")
    paths = [(Path(file.temporary_file_path()), file.name or "") for file in files]
    card = outside_actions.add_supervisor(request.user, paths, dataset, about)
    messages.info(request, f"“{card.name}” is saved: it can supervise in experiments on this data set.")
    return redirect("labels", card.model.removeprefix(GIVEN))
