"""The pages of experiments and runs: each view parses the request, calls one function of the record or the queue, and renders."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from training import ExperimentSpec, catalog
from training.catalog import outside
from training.planning.plan import check_size
from training.recipes import needs, recipes
from training.spec import Problem
from training.spec.bundles import for_bundle
from training.spec.images import for_images
from training.spec.written_answers import for_written_answers
from webapp.access import NOT_YOURS, Access, access_of, may_change, may_stop, member, sees_truth, viewer
from webapp.actions import experiments as experiment_actions
from webapp.actions import outside as outside_actions
from webapp.actions import runs as run_actions
from webapp.archives.handout import hands_out
from webapp.audit.queries import cloned_from
from webapp.experiments import queries, run_logs
from webapp.experiments.models import Experiment, Run, Transition
from webapp.experiments.submissions import without_submitted
from webapp.imports import blind
from webapp.organising.models import Project
from webapp.pages.experiments.damaged import of_experiment, of_run, or_damaged
from webapp.pages.experiments.experiment import Living
from webapp.pages.experiments.form import SpecForm
from webapp.pages.experiments.plan_preview import PlanView
from webapp.pages.experiments.run import RunPage
from webapp.pages.experiments.sections import Sections
from webapp.pages.experiments.several_datasets import Several
from webapp.pages.organising.choice import ProjectChoice
from webapp.pages.organising.marks import marks_of
from webapp.pages.tab import tab
from webapp.parsing import whole

QUEUE_AWAY = "The queue cannot be reached now. The runs are stored and start when it is back."


@member
def new(request: HttpRequest) -> HttpResponse:
    parent = _parent(request)
    if request.method == "POST":
        form = SpecForm.sent(request.POST, parent.experiment_spec if parent else None)
        several = _several(request, form)
        action, _, path = request.POST.get("do", "launch").partition(":")
        if action == "add":
            form.add(path)
        elif action == "remove":
            form.remove(path)
        elif isinstance(form.spec, ExperimentSpec) and several.fits and _covered(form, several):
            project = ProjectChoice(request, parent).project
            return _launched(request, [_create(request, spec, parent, project) for spec in several.specs])
        plan = _plan(form, request.POST.get("valid", ""))
        status = 422 if action == "launch" else 200
    else:
        form, status = _first_form(request, parent), 200
        several, plan = _several(request, form), _plan(form)
    context = {
        "form": form,
        "plan": plan,
        "several": several,
        "parent": parent,
        "projects": ProjectChoice(request, parent),
        "recipes": recipes(),
        "recipe": (name := request.GET.get("recipe", "")),
        "needs": list(needs(recipes()[name])) if name in recipes() else [],
    }
    return render(request, "pages/new.html", context, status=status)


@member
def preview(request: HttpRequest) -> HttpResponse:
    """Return the messages and the plan for the form as it is now; the plan only if the form is valid."""
    parent = _parent(request)
    form = SpecForm.sent(request.POST, parent.experiment_spec if parent else None)
    plan = _plan(form)
    context = {"form": form, "plan": plan, "several": _several(request, form), "parent": parent, "oob": True}
    return render(request, "partials/preview.html", context)


def _first_form(request: HttpRequest, parent: Experiment | None) -> SpecForm:
    if parent:
        spec = without_submitted(parent.experiment_spec)
        assert isinstance(request.user, User)
        return SpecForm.of(spec.model_copy(update={"name": queries.copy_name(request.user, spec.name)}), spec)
    name = request.GET.get("recipe", "")
    if name and name not in recipes():
        raise Http404(f"There is no recipe {name}.")
    spec = recipes()[name] if name else ExperimentSpec()
    data = request.GET.get("data", "")
    if not data:
        return SpecForm.of(spec)
    known = catalog.known_dataset(data)
    if known and known.answers and not name:
        spec = for_written_answers(spec)
    if known and known.arrays:
        spec = for_bundle(spec, known)
    if known and known.images and not name:
        spec = for_images(spec)
    given = [name] if outside.card_of(name := request.GET.get("weak", "")) else list(spec.weak.models)
    return SpecForm(SpecForm.of(spec).raw | {"data__name": [data], "weak__models": given})


def _several(request: HttpRequest, form: SpecForm) -> Several:
    return Several(form.spec if isinstance(form.spec, ExperimentSpec) else None, request.POST.getlist("also"))


def _covered(form: SpecForm, several: Several) -> bool:
    """Return whether labels from outside have every row; a message at the supervisors says which ids are missing."""
    try:
        for spec in several.specs:
            outside_actions.check_coverage(spec)
    except ValueError as error:
        form.problems = [Problem("weak.models", str(error))]
        return False
    return True


def _parent(request: HttpRequest) -> Experiment | None:
    number = request.POST.get("parent") or request.GET.get("from") or ""
    if not number:
        return None
    if (pk := whole(number)) is None:
        raise Http404
    return get_object_or_404(queries.visible(request.user), pk=pk)


def _plan(form: SpecForm, valid: str = "") -> PlanView | None:
    """Return the plan of the form, or of the last valid form; None if there is neither."""
    spec = form.spec
    if spec is None and valid:
        try:
            spec = ExperimentSpec.model_validate_json(valid)
            check_size(spec)
        except ValueError:
            return None
    if not isinstance(spec, ExperimentSpec):
        return None
    plan = PlanView(spec, queries.preview(spec))
    if form.spec is spec:
        form.warnings = plan.preview.warnings
    return plan


def _create(request: HttpRequest, spec: ExperimentSpec, parent: Experiment | None, project: Project | None) -> Experiment:
    assert isinstance(request.user, User)
    return experiment_actions.create(request.user, spec, parent, project)


def _launched(request: HttpRequest, experiments: list[Experiment]) -> HttpResponse:
    """Launch the experiments, and show the page of one, or the comparison of several."""
    assert isinstance(request.user, User)
    reached = [experiment_actions.launch(experiment, request.user) for experiment in experiments]
    if not all(reached):
        messages.warning(request, QUEUE_AWAY)
    if len(experiments) == 1:
        return redirect("experiment", experiments[0].pk)
    return redirect(f"{reverse('compare')}?{urlencode({'e': [experiment.pk for experiment in experiments]}, doseq=True)}")


def _experiment(request: HttpRequest, pk: int) -> Experiment:
    return get_object_or_404(queries.visible(request.user).select_related("owner", "parent", "project"), pk=pk)


def _changed(request: HttpRequest, pk: int) -> Experiment:
    """Return the experiment. Raise PermissionDenied for an account that may not change it."""
    experiment = _experiment(request, pk)
    if not may_change(request.user, experiment):
        raise PermissionDenied(NOT_YOURS)
    return experiment


@viewer
@or_damaged(of_experiment)
def experiment(request: HttpRequest, pk: int) -> HttpResponse:
    context = _shown(request, pk)
    return render(request, "pages/experiment.html", context | marks_of(request.user, context["experiment"]))


def _shown(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Return the context of the page and of the fragments that renew it."""
    living = Living(_experiment(request, pk), request.GET.get("pair", ""), request.user)
    known = catalog.known_dataset(living.spec.data.name)
    return {
        "living": living,
        "tab": tab(living.state, lambda: living.percent, f"#{pk} {living.experiment.name}"),
        "sections": Sections(living, *(request.GET.get(name, "") for name in ("section", "method", "pair"))),
        "experiment": living.experiment,
        "lost_parent": "" if living.at_work or living.experiment.parent_id else cloned_from(pk),
        "changes": may_change(request.user, living.experiment),
        "administers": access_of(request.user) == Access.ADMIN,
        "blind": blind.owner_of(living.spec.data.name) is not None,
        "sees_truth": sees_truth(request.user, living.spec.data.name),
        "hands_out": known is not None and hands_out(known),
        "classes": len(known.classes) if known else 0,
    }


@viewer
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the parts of the page that change, each with its id; the result only if the page has an older one."""
    context = _shown(request, pk) | {"oob": True}
    living = context["living"]
    context["new_result"] = request.GET.get("version") != living.version
    answer = render(request, "partials/status.html", context)
    if request.GET.get("transition") == Transition.LAUNCHING and not living.transition:
        answer["HX-Refresh"] = "true"  # the socket of the page knows only the earlier runs
    return answer


@member
@require_POST
def launch(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = _changed(request, pk)
    try:
        return _launched(request, [experiment])
    except ValueError as error:  # a model of the experiment is not available any more
        messages.error(request, str(error))
        return redirect("experiment", pk)


@member
@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = _changed(request, pk)
    assert isinstance(request.user, User)
    experiment_actions.stop(experiment, request.user, evaluate=request.POST.get("do") == "evaluate")
    return redirect("experiment", pk)


def _run(request: HttpRequest, pk: int) -> Run:
    return get_object_or_404(queries.visible_runs(request.user), pk=pk)


@viewer
@or_damaged(of_run)
def run(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "pages/run.html", {"page": RunPage(_run(request, pk), request.user)})


@viewer
def run_status(request: HttpRequest, pk: int) -> HttpResponse:
    context: dict[str, Any] = {"page": RunPage(_run(request, pk), request.user), "oob": True}
    return render(request, "partials/run_status.html", context)


@viewer
def run_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the last lines of the run's log that contain the searched text."""
    page = RunPage(_run(request, pk), request.user, request.GET.get("find", ""))
    return render(request, "partials/log_lines.html", {"page": page})


@member
def run_log_file(request: HttpRequest, pk: int) -> HttpResponse:
    run = _run(request, pk)
    log = run_logs.text(run.key)
    if not log:
        raise Http404("The run has no log, or its log is on another machine.")
    headers = {"Content-Disposition": f'attachment; filename="run-{pk}.log"'}
    return HttpResponse(log, content_type="text/plain; charset=utf-8", headers=headers)


@member
@require_POST
def stop_run(request: HttpRequest, pk: int) -> HttpResponse:
    run = _run(request, pk)
    if not may_stop(request.user, run):
        raise PermissionDenied(NOT_YOURS)
    assert isinstance(request.user, User)
    run_actions.stop(run, request.user)
    return redirect("run", pk)
