"""A clone has its own name, and names its parent even if that was deleted."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import spec
from webapp.actions import experiments as experiment_actions
from webapp.experiments import services
from webapp.experiments.models import Experiment
from webapp.experiments.queries import LONGEST_NAME, copy_name

pytestmark = pytest.mark.usefixtures("called")


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def test_the_form_of_a_clone_proposes_a_name_that_none_of_mine_has(client: Client, owner: User) -> None:
    parent = services.create(owner, spec(name="Two methods"))
    answer = client.get(f"/experiments/new/?from={parent.pk}")
    assert answer.context["form"].head.value == "Two methods, copy"
    assert "was Two methods" not in answer.content.decode()
    services.create(owner, spec(name="Two methods, copy"))
    assert copy_name(owner, "Two methods") == copy_name(owner, "Two methods, copy") == "Two methods, copy 2"
    services.create(owner, spec(name="Two methods, copy 2"))
    assert copy_name(owner, "Two methods, copy 2") == "Two methods, copy 3"
    other = User.objects.create_user("other")
    assert copy_name(other, "Two methods, copy 2") == "Two methods, copy"


def test_a_long_name_is_cut_so_that_its_ending_fits(owner: User) -> None:
    name = copy_name(owner, "x" * LONGEST_NAME)
    assert len(name) == LONGEST_NAME
    assert name.endswith("x, copy")
    services.create(owner, spec(name=name))
    assert copy_name(owner, "x" * LONGEST_NAME).endswith("x, copy 2")


def test_a_parent_is_linked_as_long_as_it_is_there_and_named_when_it_is_gone(client: Client, owner: User) -> None:
    parent = experiment_actions.create(owner, spec(name="First"))
    clone = experiment_actions.create(owner, spec(name="First, copy", seeds=4), parent)
    page = f"/experiments/{clone.pk}/"
    assert f'<a class="link" href="/experiments/{parent.pk}/">#{parent.pk}</a>' in client.get(page).content.decode()
    number = parent.pk
    experiment_actions.delete(parent, owner)
    html = client.get(page).content.decode()
    assert f"Cloned from #{number}" in html
    assert "That experiment has been deleted." in html
    assert f"/experiments/{number}/" not in html
    assert Experiment.objects.filter(pk=clone.pk).exists()
