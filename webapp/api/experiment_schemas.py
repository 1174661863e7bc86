"""Schemas of experiments and their runs in the API."""

from datetime import date, datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from training import ExperimentSpec
from training.metrics.results import Result
from training.spec import MOST_SUBMISSIONS
from training.storage.archive import Origin
from webapp.accounts.viewer_text import spec_for, text_for
from webapp.experiments import lifecycle, queries
from webapp.experiments.listing import SORTS
from webapp.experiments.models import Experiment, Run
from webapp.experiments.progress import progress
from webapp.organising import queries as organising
from webapp.parsing import LARGEST


class OriginOut(Schema):
    """The origin of a run that was imported in an archive: experiment ``number`` of ``owner`` there, null for the command line.

    With ``accepted`` new experiments here use the run. ``confirmed`` is true if the same run, trained here, gave the same
    result, and null if it was not trained here.
    """

    number: int | None
    owner: str
    content: str
    claimed_key: str
    accepted: bool
    confirmed: bool | None


def origin_out(run: Run) -> OriginOut | None:
    if not run.origin:
        return None
    origin = Origin.model_validate(run.origin)
    return OriginOut(
        number=origin.number,
        owner=origin.owner,
        content=origin.content,
        claimed_key=run.claimed_key,
        accepted=run.accepted_at is not None,
        confirmed=run.confirmed,
    )


class PartOut(Schema):
    run: int
    key: str
    role: str
    status: str
    attempt: int
    step: int
    total_steps: int
    accuracy: float | None
    error: str
    imported: OriginOut | None


class TransitionOut(Schema):
    """A launch or a stop in progress; ``done`` of its ``total`` runs are updated."""

    kind: Literal["launching", "stopping"]
    done: int
    total: int


class ExperimentOut(Schema):
    id: int
    name: str
    state: str
    fraction: float
    seconds_left: float | None
    spec: ExperimentSpec
    runs: list[PartOut]
    result: Result | None
    warnings: list[str] = []
    budget_hours: float | None
    look_budget: int
    project: int | None
    tags: list[str]
    archived: bool
    transition: TransitionOut | None = None


class ListedOut(Schema):
    """An experiment in the list. ``runs`` counts its runs by status; ``imported`` is true if some were trained elsewhere."""

    id: int
    name: str
    owner: str
    state: str
    parent: int | None
    created_at: datetime
    runs: dict[str, int]
    imported: bool


class ListOut(Schema):
    """A page of experiments. ``total`` counts those on all ``pages``; a page after the last one is empty.

    ``after`` leads to the next page; it is empty on the last.
    """

    experiments: list[ListedOut]
    page: int
    pages: int
    total: int
    after: str


class ChangeIn(Schema):
    """Changes of an experiment.

    ``budget_hours`` is in accelerator-hours, null for no limit; ``look_budget`` is the number of predictions from outside that
    may be submitted; ``project`` is the number of a project, null for none. Fields that are left out do not change.
    """

    name: str | None = Field(None, max_length=120)
    budget_hours: float | None = Field(None, gt=0, le=lifecycle.LARGEST_BUDGET)
    look_budget: int | None = Field(None, ge=0, le=MOST_SUBMISSIONS)
    project: int | None = Field(None, ge=1, le=LARGEST)
    archived: bool | None = None


class PreviewOut(Schema):
    """Numbers of runs of a plan: requested, distinct, done, in progress, and to be run, which takes about ``seconds``."""

    asked: int
    unique: int
    done: int
    at_work: int
    to_run: int
    seconds: float
    warnings: list[str]


SORTS_OF_LISTS = tuple(f"{sign}{name}" for name in SORTS for sign in ("", "-"))


class ExperimentFilter(Schema):
    text: str = Field("", description="A part of the name, or a number like #12.")
    state: Literal["", "draft", "waiting", "running", "stopping", "stopped", "failed", "finished"] = ""
    owner: str = Field("", description="The name of an account.")
    dataset: str = ""
    model: str = Field("", description="A supervisor or a student.")
    method: str = Field("", description="A kind of method, such as naive.")
    since: date | None = Field(None, description="The first day of the creation, in UTC.")
    until: date | None = Field(None, description="The last day of the creation.")
    project: int | None = Field(None, ge=0)
    tag: str = ""
    archived: Literal["", "all", "only"] = Field("", description="Archived experiments too, or only them.")
    sort: Literal[*SORTS_OF_LISTS] = "-id"  # type: ignore[valid-type]
    after: str = Field("", description="From the answer before; then page does not matter.")
    page: int = Field(1, ge=1, le=10_000)
    per_page: int = Field(25, ge=1, le=100)

    @property
    def filters(self) -> dict[str, str]:
        """The values of webapp.experiments.listing.FILTERS."""
        given = self.model_dump(exclude={"text", "sort", "after", "page", "per_page"}, exclude_none=True)
        return {"q": self.text.strip(), **{name: str(value) for name, value in given.items()}}


def listed_out(experiment: Experiment) -> ListedOut:
    return ListedOut(
        id=experiment.pk,
        name=experiment.name,
        owner=str(experiment.owner),
        state=experiment.state,
        parent=experiment.parent_id,
        created_at=experiment.created_at,
        runs=experiment.run_counts,
        imported=getattr(experiment, "imported", False),
    )


def experiment_out(request: HttpRequest, experiment: Experiment, warnings: list[str]) -> ExperimentOut:
    current = progress(experiment)
    return ExperimentOut(
        id=experiment.pk,
        name=experiment.name,
        state=experiment.state,
        fraction=current.fraction,
        seconds_left=current.seconds_left,
        spec=spec_for(request.user, experiment.experiment_spec),
        runs=[
            PartOut(
                run=part.run.pk,
                key=part.run.key,
                role=part.role,
                status=part.run.status,
                attempt=part.run.attempt,
                step=part.run.step,
                total_steps=part.run.total_steps,
                accuracy=part.run.accuracy,
                error=text_for(request.user, part.run.error),
                imported=origin_out(part.run),
            )
            for part in queries.parts(experiment).defer("run__spec", "run__log")
        ],
        result=None if experiment.result is None else Result.model_validate(experiment.result),
        warnings=warnings,
        budget_hours=experiment.budget_hours,
        look_budget=experiment.look_budget,
        project=experiment.project_id,
        tags=organising.tags_of([experiment.pk]).get(experiment.pk, []),
        archived=experiment.archived_at is not None,
        transition=TransitionOut(
            kind=experiment.transition,  # type: ignore[arg-type]
            done=experiment.transition_done,
            total=experiment.transition_total,
        )
        if experiment.transition
        else None,
    )
