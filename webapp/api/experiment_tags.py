"""Tags and favourites of experiments in the API."""

from django.http import HttpRequest
from ninja import Router, Schema

from training.spec import Problem
from webapp.actions import tags as tag_actions
from webapp.api.datasets import Invalid
from webapp.api.experiments import by, visible
from webapp.experiments.models import Experiment
from webapp.organising import queries, services

router = Router()


class ExperimentTagsOut(Schema):
    """All tags of the experiment, by any account, and whether it is one of your favourites."""

    tags: list[str]
    favourite: bool


def tags_out(request: HttpRequest, experiment: Experiment) -> ExperimentTagsOut:
    tags = queries.tags_of([experiment.pk]).get(experiment.pk, [])
    return ExperimentTagsOut(tags=tags, favourite=bool(queries.favourites_of(by(request), [experiment.pk])))


@router.put("/experiments/{experiment_id}/tags/{path:tag}", response=ExperimentTagsOut)
def put_tag(request: HttpRequest, experiment_id: int, tag: str) -> ExperimentTagsOut:
    """Add a tag to the experiment, for the whole team. Every member may; a tag that is there is no error."""
    experiment = visible(request, experiment_id)
    try:
        tag_actions.add(experiment, tag, by(request))
    except ValueError as error:
        raise Invalid(Problem("tag", str(error))) from None
    return tags_out(request, experiment)


@router.delete("/experiments/{experiment_id}/tags/{path:tag}", response=ExperimentTagsOut)
def remove_tag(request: HttpRequest, experiment_id: int, tag: str) -> ExperimentTagsOut:
    """Remove a tag: who added it, the owner of the experiment and administrators may. A missing tag is no error."""
    experiment = visible(request, experiment_id)
    tag_actions.remove(experiment, tag, by(request))
    return tags_out(request, experiment)


@router.put("/experiments/{experiment_id}/favourite", response=ExperimentTagsOut)
def put_favourite(request: HttpRequest, experiment_id: int) -> ExperimentTagsOut:
    """Add the experiment to your favourites, which nobody else sees."""
    experiment = visible(request, experiment_id)
    services.set_favourite(by(request), experiment, True)
    return tags_out(request, experiment)


@router.delete("/experiments/{experiment_id}/favourite", response=ExperimentTagsOut)
def remove_favourite(request: HttpRequest, experiment_id: int) -> ExperimentTagsOut:
    """Remove the experiment from your favourites."""
    experiment = visible(request, experiment_id)
    services.set_favourite(by(request), experiment, False)
    return tags_out(request, experiment)
