"""Unlocking of held-out sets: each unlocking makes the set a little less independent, so each is counted."""

import hashlib
import json

from django.contrib.auth.models import User

from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.shares.models import Opening, Version

DRAWN_BY = ("fingerprint", "test_fraction", "locked_fraction", "split_seed")


def unlocks(experiment: Experiment, choices: Choices) -> bool:
    """Return whether a version frozen by these choices unlocks the held-out set."""
    return choices.locked and experiment.experiment_spec.data.locked_fraction > 0


def rows_of(experiment: Experiment) -> str:
    """Return the SHA-256 of the settings that decide which rows are locked; experiments that share the rows share it."""
    spec = experiment.runs.values_list("spec", flat=True)[0]
    return hashlib.sha256(json.dumps([spec[name] for name in DRAWN_BY]).encode()).hexdigest()


def days_before(experiment: Experiment) -> list[str]:
    """Return the days on which the experiment's locked rows were unlocked, oldest first."""
    return [at.date().isoformat() for at in Opening.objects.filter(rows=rows_of(experiment)).values_list("at", flat=True)]


def note(experiment: Experiment, version: Version, by: User) -> None:
    Opening.objects.create(rows=rows_of(experiment), version=version, opened_by=by)
