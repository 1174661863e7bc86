"""The pages of data sets: what there is, bringing a file, watching its checks, and keeping it."""

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
from webapp.access import NOT_YOUR_IMPORT, member, owns, viewer
from webapp.actions import datasets as dataset_actions
from webapp.imports import services
from webapp.imports.models import Import, State
from webapp.pages.datasets.library import DatasetPage, ReportView, dataset_list
from webapp.pages.datasets.mapping_form import AboutForm, MappingForm

QUEUE_AWAY = "The queue cannot be reached now. The work is kept and starts when it is back."


@viewer
def datasets(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/datasets.html", {"list": dataset_list()})


@viewer
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    if name in catalog.REGISTERED and name not in catalog.ready_datasets():
        entry = catalog.REGISTERED[name]
        under_way = Import.objects.filter(registered=name).exclude(state=State.SAVED).first()
        return render(request, "pages/registered.html", {"name": name, "entry": entry, "under_way": under_way})
    try:
        page = DatasetPage(name)
    except ValueError as error:
        raise Http404(str(error)) from error
    return render(request, "pages/dataset.html", {"page": page})


@member
@require_POST
def fetch(request: HttpRequest, name: str) -> HttpResponse:
    assert isinstance(request.user, User)
    try:
        one, called = dataset_actions.fetch(request.user, name)
    except ValueError as error:
        raise Http404(str(error)) from error
    return _queued(request, one, called)


@member
def upload(request: HttpRequest) -> HttpResponse:
    """Takes a file; the answer to a good one is the page of its import."""
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


def _mine(request: HttpRequest, pk: int) -> Import:
    """The import, for who may change it."""
    one = _import(request, pk)
    if not owns(request.user, one.owner_id):
        raise PermissionDenied(NOT_YOUR_IMPORT)
    return one


@viewer
def one_import(request: HttpRequest, pk: int) -> HttpResponse:
    """An import as far as it is: its columns and how to read them, its progress, or its report."""
    one = _import(request, pk)
    if one.state == State.SAVED:
        return redirect("dataset", one.shelved)
    return _page(request, one)


def _page(
    request: HttpRequest, one: Import, mapping: MappingForm | None = None, about: AboutForm | None = None, status: int = 200
) -> HttpResponse:
    changes = owns(request.user, one.owner_id)
    context = {"import": one, "changes": changes, "states": State, "report": None, "mapping": None, "about": None}
    if one.state == State.CHECKED and one.check_result and one.column_mapping:
        context["report"] = ReportView(one.check_result.report, one.column_mapping.root.names)
        context["about"] = about or AboutForm({"name": _proposed(one.file_name)})
    elif one.preview and not one.at_work:
        context["mapping"] = mapping or MappingForm(
            one.preview, request.GET, None if request.GET.get("kind") else one.column_mapping
        )
    return render(request, "pages/import.html", context, status=status)


def _proposed(file_name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", Path(file_name).stem.lower()).strip("-_")[:64]


@member
@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    one = _mine(request, pk)
    if one.preview is None or one.at_work:
        return redirect("import", pk)
    form = MappingForm(one.preview, request.POST)
    mapping = form.mapping()
    if mapping is None:
        one.state = State.NEW
        return _page(request, one, mapping=form, status=422)
    return _queued(request, one, dataset_actions.check(one, mapping))


@member
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    one = _mine(request, pk)
    return redirect("import", pk) if one.at_work else _queued(request, one, dataset_actions.restart(one))


@member
@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Back from the report to the mapping."""
    one = _mine(request, pk)
    services.reopen(one)
    return redirect("import", pk)


@member
@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    dataset_actions.stop(_mine(request, pk), request.user)
    return redirect("import", pk)


@member
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    dataset_actions.discard(_mine(request, pk), request.user)
    return redirect("datasets")


@member
@require_POST
def save(request: HttpRequest, pk: int) -> HttpResponse:
    one, form = _mine(request, pk), AboutForm(request.POST.dict())
    assert isinstance(request.user, User)
    about = form.about()
    if about:
        try:
            card = dataset_actions.save(one, about, request.user)
        except ValueError as error:
            form.problems["name"] = [str(error)]
        else:
            messages.info(request, f"“{card.name}” is on the shelf: experiments find it by that name.")
            return redirect("dataset", card.name)
    return _page(request, one, about=form, status=422)


def _queued(request: HttpRequest, one: Import, called: bool) -> HttpResponse:
    if not called:
        messages.warning(request, QUEUE_AWAY)
    return redirect("import", one.pk)
