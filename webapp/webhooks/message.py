"""The message of a webhook: a sentence for people, and numbers for programs."""

from typing import Any

from django.urls import reverse

from training.metrics.results import Result
from webapp.findings.wording import method_titles
from webapp.webhooks.models import Call

ENDS = {"finished": "is done", "failed": "has failed runs", "stopped": "was stopped"}


def message(call: Call, site: str) -> dict[str, Any]:
    """Return the JSON for the webhook. ``text`` is what a chat shows; ``pgr`` of a group is None unless its state is ok.

    ``id`` is the same when a call is repeated because its arrival is unknown.
    """
    experiment = call.experiment
    state = experiment.state
    spec = experiment.experiment_spec
    titles = method_titles(spec)
    result = Result.model_validate(experiment.result) if experiment.result else None
    groups = [
        {
            "weak_model": group.weak_model,
            "strong_model": group.strong_model,
            "method": titles[group.method_index],
            "state": group.state,
            "pgr": group.pgr and group.pgr.model_dump(),
        }
        for group in (result.groups if result else ())
    ]
    address = f"{site}{reverse('experiment', args=[experiment.pk])}" if site else ""
    sentence = f"Experiment {experiment.pk}, “{experiment.name}”, of {experiment.owner.get_username()} {ENDS.get(state, state)}."
    return {
        "text": f"{sentence} {address}".rstrip(),
        "id": call.pk,
        "event": "experiment.ended",
        "experiment": {"id": experiment.pk, "name": experiment.name, "owner": experiment.owner.get_username(), "state": state},
        "address": address,
        "runs": {status: number for status, number in experiment.run_counts.items() if number},
        "groups": groups,
    }
