"""The queue in the API: its order, places and priorities of experiments, and pausing."""

from datetime import datetime
from typing import Annotated, Literal

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from webapp.access import Access, demand
from webapp.actions import queue as queue_actions
from webapp.api.experiments import changed
from webapp.experiments import queries, queue
from webapp.experiments.models import Priority

router = Router()

PRIORITIES = {"low": Priority.LOW, "normal": Priority.NORMAL, "high": Priority.HIGH}


class PauseOut(Schema):
    by: str
    why: str
    at: datetime


class QueuedOut(Schema):
    """A queued run. ``position`` is counted from 1."""

    position: int
    run: int
    experiment: int
    owner: str
    priority: Literal["low", "normal", "high"]


class QueueOut(Schema):
    paused: PauseOut | None
    runs: list[QueuedOut]


class PauseIn(Schema):
    why: Annotated[str, Field(max_length=200)] = ""


class MoveIn(Schema):
    """A place in the queue.

    ``to`` and ``before`` (the number of another experiment) are relative to the experiments of the same owner, ``priority`` to
    those of all accounts.
    """

    to: Literal["first", "up", "down", "last"] | None = None
    before: int | None = None
    priority: Literal["low", "normal", "high"] | None = None


def queue_out(request: HttpRequest) -> QueueOut:
    paused, places = queue.pause_now(), queue.places()
    known = queries.visible(request.user).filter(pk__in={place.experiment for place in places})
    owners = dict(known.values_list("pk", "owner__username"))
    names = {value.value: name for name, value in PRIORITIES.items()}
    return QueueOut(
        paused=None if paused is None else PauseOut(by=paused.by.get_username(), why=paused.why, at=paused.at),
        runs=[
            QueuedOut.model_validate(
                {
                    "position": number,
                    "run": place.run,
                    "experiment": place.experiment,
                    "owner": owners[place.experiment],
                    "priority": names[place.priority],
                }
            )
            for number, place in enumerate(places, 1)
        ],
    )


@router.get("/queue", response=QueueOut)
def read(request: HttpRequest) -> QueueOut:
    """List the queued runs in the order in which workers take them, and the account that paused the queue, if it is paused."""
    return queue_out(request)


@router.post("/queue/pause", response=QueueOut)
def pause(request: HttpRequest, request_body: PauseIn) -> QueueOut:
    """Pause the queue: workers take no runs until it is resumed, and runs in training continue. For administrators."""
    demand(request.user, Access.ADMIN)
    assert isinstance(request.user, User)
    queue_actions.pause(request.user, request_body.why)
    return queue_out(request)


@router.post("/queue/resume", response=QueueOut)
def resume(request: HttpRequest) -> QueueOut:
    """Resume the queue. For administrators."""
    demand(request.user, Access.ADMIN)
    assert isinstance(request.user, User)
    queue_actions.resume(request.user)
    return queue_out(request)


@router.post("/experiments/{experiment_id}/move", response=QueueOut)
def move(request: HttpRequest, experiment_id: int, target: MoveIn) -> QueueOut:
    """Move the experiment to another place or priority in the queue."""
    experiment = changed(request, experiment_id)
    assert isinstance(request.user, User)
    if target.priority is not None:
        queue_actions.prioritize(experiment, PRIORITIES[target.priority], request.user)
    if target.to is not None:
        queue_actions.move(experiment, target.to, request.user)
    if target.before is not None:
        queue_actions.move(experiment, target.before, request.user)
    return queue_out(request)
