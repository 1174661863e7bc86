"""Predictions from outside, submitted to an experiment: each is a method of its spec, and one look at its test set."""

from dataclasses import dataclass

from training import ExperimentSpec
from training.catalog import outside
from training.catalog.outside import OutsideCard
from training.spec import MOST_SUBMISSIONS
from training.spec.methods import Submitted
from webapp.experiments.changes import changing, list_changed
from webapp.experiments.list_columns import columns_of_spec, give_facets
from webapp.experiments.listing_models import ExperimentFacet
from webapp.experiments.models import Experiment, Status

NOT_FINISHED = "Its supervisors and ceilings have not finished: what is handed out and compared with is not complete."


@dataclass(frozen=True)
class Submission:
    """Submitted predictions: the number of the look at the test set, from 1, and their card, None where it is gone."""

    look: int
    index: int
    method: Submitted
    card: OutsideCard | None

    @property
    def title(self) -> str:
        return outside.title_of(self.method.model) or self.method.model


def submissions_of(spec: ExperimentSpec) -> list[Submission]:
    """Return the submissions in the order in which they came."""
    submitted = [(index, method) for index, method in enumerate(spec.methods) if isinstance(method, Submitted)]
    return [
        Submission(number, index, method, outside.card_of(method.model)) for number, (index, method) in enumerate(submitted, 1)
    ]


def without_submitted(spec: ExperimentSpec) -> ExperimentSpec:
    """Return the spec of a clone, which has only the methods that an experiment can ask for."""
    return spec.model_copy(update={"methods": tuple(method for method in spec.methods if method.offered)})


def check(experiment: Experiment, method: Submitted | None = None) -> None:
    """Raise ValueError with a sentence where nothing can be submitted now, or ``method`` was submitted before."""
    spec = experiment.experiment_spec
    if experiment.transition or unfinished(experiment):
        raise ValueError(NOT_FINISHED)
    if method in spec.methods:
        raise ValueError("These predictions have been submitted already, so they are not looked at again.")
    if len(submissions_of(spec)) >= experiment.look_budget:
        raise ValueError(
            f"Each submission is a look at the test set, and all {experiment.look_budget} looks of this experiment are used. Its "
            "owner and administrators set their number."
        )


def unfinished(experiment: Experiment) -> bool:
    """Return whether a run of the experiment has not finished, those apart that only read submitted predictions."""
    waiting = experiment.runs.exclude(status=Status.FINISHED).exclude(spec__adaptation="given", spec__half="B")
    return not experiment.triplets or waiting.exists()


@changing()
def submit(experiment: Experiment, method: Submitted) -> int:
    """Add the predictions to the experiment and return the number of their look. Raises ValueError as ``check`` does."""
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    check(row, method)
    spec = row.experiment_spec
    changed = spec.model_copy(update={"methods": (*spec.methods, method)})
    row.spec = changed.model_dump(mode="json")
    columns = columns_of_spec(changed)
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=["spec", *columns])
    ExperimentFacet.objects.filter(experiment=row).delete()
    give_facets(row, changed)
    list_changed()
    return len(submissions_of(changed))


def set_look_budget(experiment: Experiment, number: int) -> None:
    """Set how many submissions the experiment takes. Raises ValueError for a number that cannot be one."""
    if not 0 <= number <= MOST_SUBMISSIONS:
        raise ValueError(f"The number of looks is a whole number from 0 to {MOST_SUBMISSIONS}.")
    experiment.look_budget = number
    experiment.save(update_fields=["look_budget"])
