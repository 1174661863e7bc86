import pytest
from django.contrib.auth.models import User

from tests.factories.experiments import finish_all, launched
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.report import Report

FROZEN = {"live": False, "version": 2, "frozen": "2026-11-23", "archive": "a1" * 32, "content": "c3" * 32}


@pytest.fixture
def done(owner: User) -> Experiment:
    experiment = launched(owner, name="A probe <and> its teacher")
    finish_all(experiment)
    return experiment


@pytest.fixture
def report(done: Experiment, owner: User) -> Report:
    return compose(done, Choices(), owner).model_copy(update=FROZEN)
