"""The page of an experiment or a run with a damaged record: the readable part of it."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from pydantic import ValidationError

from training.spec import describe
from webapp.access import may_change
from webapp.experiments import queries
from webapp.experiments.models import Status
from webapp.row_isolation import sentence

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest, int], HttpResponse]


def or_damaged(damage: Callable[[HttpRequest, int], dict[str, Any] | None]) -> Callable[[View], View]:
    """Decorate a page that fails if the record is damaged.

    ``damage`` describes the damage; it returns None for a readable record.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def shown(request: HttpRequest, pk: int) -> HttpResponse:
            try:
                return view(request, pk)
            except Exception:
                context = damage(request, pk)
                if context is None:
                    raise
                logger.exception("%s is damaged", context["title"])
                return render(request, "pages/damaged.html", context)

        return shown

    return decorate


def of_experiment(request: HttpRequest, pk: int) -> dict[str, Any] | None:
    rows = queries.visible(request.user).filter(pk=pk)
    known = rows.values("name", "owner__username", "result_error", "budget_error").first()
    error = _error(lambda: [(row.experiment_spec, row.compared) for row in rows])
    if known is None or not error:
        return None
    said = [error, known["result_error"], known["budget_error"]]
    return {
        "manage": pk if may_change(request.user, rows[0]) else None,
        "title": f"Experiment {pk}: {known['name']}",
        "facts": [f"by {known['owner__username']}"],
        "errors": filter(None, said),
    }


def of_run(request: HttpRequest, pk: int) -> dict[str, Any] | None:
    rows = queries.visible_runs(request.user).filter(pk=pk)
    known = rows.values("status", "error", "worker").first()
    error = _error(lambda: [row.run_spec for row in rows])
    if known is None or not error:
        return None
    facts = [Status(known["status"]).label, known["worker"]]
    return {"title": f"Run {pk}", "facts": filter(None, facts), "errors": filter(None, [error, known["error"]])}


def _error(read: Callable[[], object]) -> str:
    try:
        read()
    except ValidationError as error:
        return "; ".join(
            f"{problem.path or 'The record'}: {problem.message}" for problem in describe([dict(each) for each in error.errors()])
        )
    except Exception as error:
        return sentence(error)
    return ""
