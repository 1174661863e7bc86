"""The pages of data sets: the list, uploads, the progress of checks, and saving."""

import re
from pathlib import Path

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from training import catalog
from webapp.access import NOT_YOUR_IMPORT, member, owns, sees_truth, viewer
from webapp.actions import datasets as dataset_actions
from webapp.imports import blind, services
from webapp.imports.models import Import, State
from webapp.pages.datasets.about_form import AboutForm
from webapp.pages.datasets.library import DatasetPage, dataset_list
from webapp.pages.datasets.mapping_form import MappingForm
from webapp.pages.datasets.outside import labels_of
from webapp.pages.datasets.report_view import ReportView

QUEUE_AWAY = "The queue cannot be reached now. The work is stored and starts when the queue is back."


@viewer
def datasets(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/datasets.html", {"list": dataset_list()})


@viewer
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    entry = catalog.registered(name)
    if entry and name not in catalog.ready_datasets():
        under_way = Import.objects.filter(registered=name).exclude(state=State.SAVED).first()
        return render(request, "pages/registered.html", {"name": name, "entry": entry, "under_way": under_way})
    try:
        page = DatasetPage(name)
    except ValueError as error:
        raise Http404(str(error)) from error
    labels = labels_of(name) if page.entry.answers is None else []
    importer = blind.importer_of(name)
    truth = {"blind": blind.owner_of(name) is not None, "hides_truth": not sees_truth(request.user, name)}
    truth["changes"] = importer is not None and owns(request.user, importer)
    return render(request, "pages/dataset.html", {"page": page, "labels_from_outside": labels, **truth})


@member
@require_POST
def mark_blind(request: HttpRequest, name: str) -> HttpResponse:
    """Mark a data set as blind, or no longer."""
    assert isinstance(request.user, User)
    if not owns(request.user, blind.importer_of(name)):
        raise PermissionDenied(NOT_YOUR_IMPORT)
    try:
        dataset_actions.mark_blind(name, request.user, marked=request.POST.get("blind") == "1")
    except ValueError as error:
        raise Http404(str(error)) from error
    return redirect("dataset", name)


@member
@require_POST
def fetch(request: HttpRequest, name: str) -> HttpResponse:
    assert isinstance(request.user, User)
    if "seed" in request.POST:
        name = catalog.with_seed(name, request.POST["seed"])
    try:
        imported, called = dataset_actions.fetch(request.user, name)
    except ValueError as error:
        raise Http404(str(error)) from error
    return _queued(request, imported, called)


@member
def upload(request: HttpRequest) -> HttpResponse:
    """Receive a file; a good one leads to the page of its import."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        if not isinstance(file, TemporaryUploadedFile):
            error = "Choose a file."
        else:
            try:
                return redirect("import", _brought(request, file).pk)
            except ValueError as problem:
                error = str(problem)
    return render(request, "pages/upload.html", {"error": error}, status=422 if error else 200)


def _brought(request: HttpRequest, file: TemporaryUploadedFile) -> Import:
    assert isinstance(request.user, User)
    return dataset_actions.upload(request.user, Path(file.temporary_file_path()), file.name or "upload")


def _import(request: HttpRequest, pk: int) -> Import:
    return get_object_or_404(Import.objects.select_related("owner"), pk=pk)


def _own_import(request: HttpRequest, pk: int) -> Import:
    """Return the import. Raise PermissionDenied for an account that may not change it."""
    imported = _import(request, pk)
    if not owns(request.user, imported.owner_id):
        raise PermissionDenied(NOT_YOUR_IMPORT)
    return imported


@viewer
def show_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the state of an import: its columns and mapping, its progress, or its report."""
    imported = _import(request, pk)
    if imported.state == State.SAVED:
        return redirect("dataset", imported.shelved)
    return _page(request, imported)


def _page(
    request: HttpRequest, imported: Import, mapping: MappingForm | None = None, about: AboutForm | None = None, status: int = 200
) -> HttpResponse:
    changes = owns(request.user, imported.owner_id)
    context = {"import": imported, "changes": changes, "states": State, "report": None, "mapping": None, "about": None}
    if imported.state == State.CHECKED and imported.check_result and imported.column_mapping:
        checked = imported.check_result
        context["report"] = ReportView(checked.report, checked.classes or imported.column_mapping.root.class_names)
        context["about"] = about or AboutForm({"name": _proposed(imported.file_name)})
    elif imported.preview and not imported.at_work:
        context["mapping"] = mapping or MappingForm(
            imported.preview, request.GET, None if request.GET.get("kind") else imported.column_mapping
        )
    return render(request, "pages/import.html", context, status=status)


def _proposed(file_name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", Path(file_name).stem.lower()).strip("-_")[:64]


@member
@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    imported = _own_import(request, pk)
    if imported.preview is None or imported.at_work:
        return redirect("import", pk)
    form = MappingForm(imported.preview, request.POST)
    mapping = form.mapping()
    if mapping is None:
        imported.state = State.NEW
        return _page(request, imported, mapping=form, status=422)
    return _queued(request, imported, dataset_actions.check(imported, mapping))


@member
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    imported = _own_import(request, pk)
    return redirect("import", pk) if imported.at_work else _queued(request, imported, dataset_actions.restart(imported))


@member
@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Return from the report to the mapping."""
    imported = _own_import(request, pk)
    services.reopen(imported)
    return redirect("import", pk)


@member
@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    dataset_actions.stop(_own_import(request, pk), request.user)
    return redirect("import", pk)


@member
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    dataset_actions.discard(_own_import(request, pk), request.user)
    return redirect("datasets")


@member
@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    imported, form = _own_import(request, pk), AboutForm(request.POST.dict())
    assert isinstance(request.user, User)
    about = form.about()
    if about:
        try:
            card = dataset_actions.save(imported, about, request.user)
        except ValueError as error:
            form.problems["name"] = [str(error)]
        else:
            messages.info(request, f"“{card.name}” is saved: experiments can use it by that name.")
            return redirect("dataset", card.name)
    return _page(request, imported, about=form, status=422)


def _queued(request: HttpRequest, imported: Import, called: bool) -> HttpResponse:
    if not called:
        messages.warning(request, QUEUE_AWAY)
    return redirect("import", imported.pk)
