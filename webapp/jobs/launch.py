"""Launching and stopping, for every door: the record first, then the queue."""

from webapp.experiments import services
from webapp.experiments.models import Experiment, Run
from webapp.jobs.dispatch import announce


def launch(experiment: Experiment) -> bool:
    """Starts what is new in the experiment. False when the broker is away: the runs are kept and start when it is back."""
    changed = services.launch(experiment)
    services.refresh_result(experiment)
    experiment.refresh_from_db()
    return announce(changed)


def stop(experiment: Experiment, by: str) -> None:
    changed = services.stop_experiment(experiment, by)
    experiment.refresh_from_db()
    announce(changed)


def stop_run(run: Run, by: str) -> None:
    announce(services.stop_run(run, by))
