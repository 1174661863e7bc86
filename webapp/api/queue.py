"""The queue through the JSON door: what comes next, whose turn it is, and pausing all of it."""

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
    """``position`` is counted from 1."""

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
    """``to``, and ``before`` which other one, are among the experiments of its owner, ``priority`` among everybody's."""

    to: Literal["first", "up", "down", "last"] | None = None
    before: int | None = None
    priority: Literal["low", "normal", "high"] | None = None


def queue_out(request: HttpRequest) -> QueueOut:
    paused, places = queue.pause_now(), queue.places()
    known = queries.visible(request.user).filter(pk__in={one.experiment for one in places})
    owners = dict(known.values_list("pk", "owner__username"))
    names = {value.value: name for name, value in PRIORITIES.items()}
    return QueueOut(
        paused=None if paused is None else PauseOut(by=paused.by.get_username(), why=paused.why, at=paused.at),
        runs=[
            QueuedOut.model_validate(
                {
                    "position": number,
                    "run": one.run,
                    "experiment": one.experiment,
                    "owner": owners[one.experiment],
                    "priority": names[one.priority],
                }
            )
            for number, one in enumerate(places, 1)
        ],
    )


@router.get("/queue", response=QueueOut)
def read(request: HttpRequest) -> QueueOut:
    """The queued runs in the order in which workers take them, and who paused the queue, if somebody did."""
    return queue_out(request)


@router.post("/queue/pause", response=QueueOut)
def pause(request: HttpRequest, asked: PauseIn) -> QueueOut:
    """No worker takes a run until the queue is resumed; what trains goes on. For administrators."""
    demand(request.user, Access.ADMIN)
    assert isinstance(request.user, User)
    queue_actions.pause(request.user, asked.why)
    return queue_out(request)


@router.post("/queue/resume", response=QueueOut)
def resume(request: HttpRequest) -> QueueOut:
    """Workers take runs again. For administrators."""
    demand(request.user, Access.ADMIN)
    assert isinstance(request.user, User)
    queue_actions.resume(request.user)
    return queue_out(request)


@router.post("/experiments/{experiment_id}/move", response=QueueOut)
def move(request: HttpRequest, experiment_id: int, asked: MoveIn) -> QueueOut:
    """Gives the experiment another place or another priority in the queue."""
    experiment = changed(request, experiment_id)
    assert isinstance(request.user, User)
    if asked.priority is not None:
        queue_actions.prioritize(experiment, PRIORITIES[asked.priority], request.user)
    if asked.to is not None:
        queue_actions.move(experiment, asked.to, request.user)
    if asked.before is not None:
        queue_actions.move(experiment, asked.before, request.user)
    return queue_out(request)
