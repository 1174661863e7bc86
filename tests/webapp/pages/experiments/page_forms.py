"""Addresses of experiments, and the fields that their form sends."""

from django.urls import reverse

from training import ExperimentSpec
from webapp.experiments.models import Experiment
from webapp.pages.experiments.form import SpecForm


def sent(spec: ExperimentSpec, **changes: list[str]) -> dict[str, list[str]]:
    """Return the fields that the form of ``spec`` sends with its launch button."""
    return {**SpecForm.of(spec).raw, "do": ["launch"], **changes}


def address(experiment: Experiment) -> str:
    return reverse("experiment", args=[experiment.pk])
