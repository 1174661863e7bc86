"""One action on many experiments: each is changed or refused by itself, as if it were the only one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from webapp.access import NOT_YOURS, may_change
from webapp.actions import experiments as experiment_actions
from webapp.actions import projects, tags
from webapp.experiments import lifecycle, queries
from webapp.experiments.lifecycle import AtWork
from webapp.experiments.listing_models import State
from webapp.experiments.models import Experiment
from webapp.experiments.transitions import LARGE
from webapp.organising.models import Project

Action = Literal["tag", "untag", "move", "archive", "unarchive", "stop", "delete"]

FOR_OWNERS = ("move", "archive", "unarchive", "stop", "delete")
"""Actions that only owners of an experiment and administrators may do."""

STOPPABLE = (State.WAITING, State.RUNNING)

MOST = 500
"""Experiments in one request."""


@dataclass(frozen=True)
class Outcome:
    """The outcome for one experiment: ``result`` is unchanged if it was as requested already; a refusal has a reason."""

    id: int
    name: str
    result: Literal["done", "unchanged", "refused"]
    reason: str = ""


@dataclass(frozen=True)
class Request:
    """``tag`` is for tag and untag, ``project`` for move: None takes experiments out of their projects."""

    action: Action
    by: User
    tag: str = ""
    project: Project | None = None


Act = Callable[[Request, Experiment], bool]
"""Changes one experiment and returns whether anything changed; raises an exception of REFUSALS where it may not."""

REFUSALS = (PermissionDenied, AtWork, ValueError)


def apply(request: Request, ids: Sequence[int]) -> list[Outcome]:
    """Do the action and return what happened to each experiment, in the order of ``ids``."""
    outcomes = _outcomes(request, ids, ACTIONS[request.action])
    if request.action == "stop":
        experiment_actions.continue_stops(outcome.id for outcome in outcomes if outcome.result == "done")
    return outcomes


def foresee_deletion(request: Request, ids: Sequence[int]) -> list[Outcome]:
    """Return what a deletion would do now, without doing it."""
    return _outcomes(request, ids, _check)


def _outcomes(request: Request, ids: Sequence[int], act: Act) -> list[Outcome]:
    numbers = list(dict.fromkeys(ids))
    known = queries.visible(request.by).select_related("owner", "project").defer(*LARGE).in_bulk(numbers)
    return [_outcome(request, known[pk], act) if pk in known else _missing(pk) for pk in numbers]


def _outcome(request: Request, experiment: Experiment, act: Act) -> Outcome:
    pk, name = experiment.pk, experiment.name
    try:
        if request.action in FOR_OWNERS and not may_change(request.by, experiment):
            raise PermissionDenied(NOT_YOURS)
        changed = act(request, experiment)
    except REFUSALS as error:
        return Outcome(pk, name, "refused", str(error))
    except Experiment.DoesNotExist:  # deleted by somebody else meanwhile
        return _missing(pk)
    return Outcome(pk, name, "done" if changed else "unchanged")


def _missing(pk: int) -> Outcome:
    return Outcome(pk, "", "refused", "There is no such experiment.")


def _stop(request: Request, experiment: Experiment) -> bool:
    """Begin to stop the experiment: all are stopping before the first one is stopped."""
    stops = experiment.state in STOPPABLE
    if stops:
        experiment_actions.begin_stop(experiment, request.by)
    return stops


def _delete(request: Request, experiment: Experiment) -> bool:
    experiment_actions.delete(experiment, request.by)
    return True


def _check(request: Request, experiment: Experiment) -> bool:
    lifecycle.check_at_rest(experiment)
    return True


ACTIONS: Mapping[Action, Act] = {
    "tag": lambda request, experiment: tags.add(experiment, request.tag, request.by),
    "untag": lambda request, experiment: tags.remove(experiment, request.tag, request.by),
    "move": lambda request, experiment: projects.move(experiment, request.project, request.by),
    "archive": lambda request, experiment: experiment_actions.archive(experiment, request.by, archived=True),
    "unarchive": lambda request, experiment: experiment_actions.archive(experiment, request.by, archived=False),
    "stop": _stop,
    "delete": _delete,
}
