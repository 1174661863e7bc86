"""Renaming, limiting, archiving and deleting an experiment. Its runs belong to no experiment alone and stay."""

from django.utils import timezone

from training import ExperimentSpec
from webapp.experiments.changes import changing, list_changed
from webapp.experiments.models import ACTIVE, Experiment


class AtWork(Exception):
    """Runs of the experiment train or wait; the message says what to do."""


@changing()
def rename(experiment: Experiment, name: str) -> None:
    """Rename the experiment. Raises pydantic.ValidationError for a name that no spec may have."""
    spec = experiment.experiment_spec.model_copy(update={"name": ExperimentSpec(name=name.strip()).name})
    experiment.name, experiment.spec = spec.name, spec.model_dump(mode="json")
    experiment.search_name = spec.name.casefold()
    experiment.save(update_fields=["name", "spec", "search_name"])
    list_changed()


LARGEST_BUDGET = 1_000_000.0


def limit(experiment: Experiment, hours: float | None) -> None:
    """Set the budget, None for no limit. Raises ValueError with a sentence for a number that cannot be a budget."""
    if hours is not None and not 0 < hours <= LARGEST_BUDGET:
        raise ValueError("A budget is a number of accelerator-hours above zero.")
    experiment.budget_hours = hours
    experiment.save(update_fields=["budget_hours"])


@changing()
def archive(experiment: Experiment, archived: bool) -> bool:
    """Hide the experiment from lists, or show it again. Return False if nothing changes. Raises AtWork."""
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if archived == (row.archived_at is not None):
        return False
    if archived:
        check_at_rest(row)
    experiment.archived_at = timezone.now() if archived else None
    experiment.save(update_fields=["archived_at"])
    list_changed()
    return True


@changing()
def delete(experiment: Experiment) -> None:
    """Delete the experiment and keep its runs, which other experiments may share or ask for again. Raises AtWork."""
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    check_at_rest(row)
    row.delete()
    list_changed()


def check_at_rest(experiment: Experiment) -> None:
    """Raise AtWork for an experiment that cannot be deleted or archived now."""
    if experiment.transition:
        raise AtWork(f"This experiment is {experiment.get_transition_display().lower()}. Try again once that is done.")
    if experiment.stopped_at is None and experiment.runs.filter(status__in=ACTIVE).exists():
        raise AtWork("Runs of this experiment are at work. Stop it first.")
