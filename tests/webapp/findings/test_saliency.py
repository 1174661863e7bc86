"""Probes before and after training are read from the further runs of the experiment, seed by seed."""

from django.contrib.auth.models import User

from tests.factories.experiments import finish, launched
from training.metrics.results import Result
from webapp.experiments import queries, results
from webapp.experiments.models import Role, Status
from webapp.findings.saliency import saliency


def test_accuracies_are_those_of_the_probes_of_each_seed(owner: User) -> None:
    strong = {"models": ["minilm-l1"], "tuning": "lora", "saliency": True}
    experiment = launched(owner, strong=strong, methods=[{"kind": "naive"}, {"kind": "confidence"}], seeds=2)
    parts = list(queries.parts(experiment))
    assert saliency(parts, []) is None
    accuracies = {}
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        spec, role = run.run_spec, run.parts.all()[0].role
        probe = role == Role.FURTHER
        share = (0.7 if spec.features_of else 0.6) + 0.02 * spec.seed if probe else None
        finish(run, share)
        run.refresh_from_db()
        accuracies[run.key] = run
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    outcomes = Result.model_validate(experiment.result).triplets
    for method in (0, 1):
        of_method = [outcome for outcome in outcomes if outcome.method_index == method]
        ranges = saliency(list(queries.parts(experiment)), of_method)
        assert ranges is not None
        before, after = ranges
        assert (before.value, before.low, before.high) == (0.61, 0.6, 0.62)
        assert (round(after.value, 6), after.low, after.high) == (0.71, 0.7, 0.72)
