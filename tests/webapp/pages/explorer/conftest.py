import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored
from webapp.experiments.models import Experiment


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner, seeds=2)
