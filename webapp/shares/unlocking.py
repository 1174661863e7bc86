"""Who opened which locked test set when: each opening wears it out a little, so each is counted."""

import hashlib
import json

from django.contrib.auth.models import User

from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.shares.models import Opening, Version

DRAWN_BY = ("fingerprint", "test_fraction", "locked_fraction", "split_seed")


def opens(experiment: Experiment, choices: Choices) -> bool:
    """Whether a version frozen by these choices opens the locked test set."""
    return choices.locked and experiment.experiment_spec.data.locked_fraction > 0


def rows_of(experiment: Experiment) -> str:
    """SHA-256 of what decides which rows are locked; the same for all experiments that share them."""
    spec = experiment.runs.values_list("spec", flat=True)[0]
    return hashlib.sha256(json.dumps([spec[name] for name in DRAWN_BY]).encode()).hexdigest()


def days_before(experiment: Experiment) -> list[str]:
    """The days on which the experiment's locked rows were opened, oldest first."""
    return [at.date().isoformat() for at in Opening.objects.filter(rows=rows_of(experiment)).values_list("at", flat=True)]


def note(experiment: Experiment, version: Version, by: User) -> None:
    Opening.objects.create(rows=rows_of(experiment), version=version, opened_by=by)
