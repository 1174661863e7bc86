"""Runs of an experiment that are trained in this process, as a worker does."""

from tests.factories import claims
from training import Event, execute
from webapp.artifact_store import artifact_store
from webapp.experiments import results
from webapp.experiments.models import Experiment, Status


def train_all(experiment: Experiment) -> None:
    """Train every run of the experiment in the order in which they become ready, and compute its result."""
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        claimed = claims.claim(run.pk, "worker@test")
        assert claimed is not None
        events: list[Event] = []
        execute(run.run_spec, artifact_store(), events.append, lambda: False)
        claims.append_events(run.pk, claimed.attempt, events)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
