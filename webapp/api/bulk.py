"""One action on many experiments in the API."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from training.spec import Problem
from webapp.actions import bulk
from webapp.api.datasets import Invalid
from webapp.api.experiments import by, project_of
from webapp.notes.services import tag_name
from webapp.parsing import LARGEST

router = Router()


class BulkIn(Schema):
    """An action and the numbers of the experiments. ``tag`` is for tag and untag; ``project`` is for move, null for none."""

    action: bulk.Action
    experiments: list[Annotated[int, Field(ge=1, le=LARGEST)]] = Field(min_length=1, max_length=bulk.MOST)
    tag: str = ""
    project: int | None = Field(None, ge=1, le=LARGEST)


class OutcomeOut(Schema):
    """The outcome for an experiment: done, unchanged as it was so already, or refused for a ``reason``."""

    id: int
    name: str
    result: Literal["done", "unchanged", "refused"]
    reason: str


class BulkOut(Schema):
    outcomes: list[OutcomeOut]


@router.post("/experiments/bulk", response=BulkOut)
def apply(request: HttpRequest, change: BulkIn) -> BulkOut:
    """Tag, move, archive, stop or delete many experiments. Each is changed or refused by itself, as if it were the only one.

    Stops that take longer than a request are completed afterwards, as those of a single experiment.
    """
    project = project_of(change.project)
    if change.action in ("tag", "untag"):
        try:
            tag_name(change.tag)
        except ValueError as error:
            raise Invalid(Problem("tag", str(error))) from None
    outcomes = bulk.apply(bulk.Request(change.action, by(request), change.tag, project), change.experiments)
    return BulkOut(outcomes=[OutcomeOut(**vars(outcome)) for outcome in outcomes])
