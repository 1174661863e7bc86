"""Pages of an experiment with a damaged record, or of one that is being launched."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched, spec
from webapp.experiments import services
from webapp.experiments.models import Experiment, Transition

pytestmark = pytest.mark.usefixtures("called")


def test_a_damaged_record_says_what_is_wrong_and_who_may_delete_it_finds_how(client: Client, owner: User) -> None:
    experiment = services.create(owner, spec(name="Damaged one"))
    Experiment.objects.filter(pk=experiment.pk).update(spec={**experiment.spec, "data": 7, "seeds": "many"})
    client.force_login(owner)
    html = client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert "Damaged one" in html
    assert "data: " in html
    assert "seeds: " in html
    manage = f"/experiments/{experiment.pk}/manage/"
    assert f'href="{manage}"' in html
    answer = client.post(manage, {"do": "delete", "number": experiment.pk})
    assert answer.status_code == 302
    assert not Experiment.objects.filter(pk=experiment.pk).exists()


def test_who_may_not_change_it_has_no_link_to_delete_it(client: Client, owner: User) -> None:
    experiment = services.create(owner, spec(name="Damaged one"))
    Experiment.objects.filter(pk=experiment.pk).update(spec={"version": 1, "data": 7})
    client.force_login(User.objects.create_user("somebody"))
    html = client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert "cannot be read" in html
    assert "/manage/" not in html


def test_while_it_is_launched_the_page_says_how_far_that_is_and_nothing_of_runs(client: Client, owner: User) -> None:
    experiment = launched(owner, seeds=1)
    changing = {"transition": Transition.LAUNCHING, "transition_done": 1200, "transition_total": 5600}
    Experiment.objects.filter(pk=experiment.pk).update(**changing)
    client.force_login(owner)
    html = client.get(f"/experiments/{experiment.pk}/").content.decode()
    head = html[html.index('id="head"') : html.index('id="sections"')]
    assert "Launching: 1,200 of 5,600 runs" in head
    assert 'aria-valuenow="21"' in head
    assert ">Launching</span>" in head
    assert "waiting for a worker" not in head
