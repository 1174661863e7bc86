"""A budget counts the hours of all attempts, and stops the experiment with its results kept."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import finish, launched, stopped_in_training, training_events
from tests.factories.workers import a_worker
from training.events import CheckpointSaved
from webapp.accounts.tokens import make_token
from webapp.actions import experiments as experiment_actions
from webapp.audit.models import Entry
from webapp.experiments import budget, run_launch, services
from webapp.experiments.models import Event, Experiment, Run, Status

pytestmark = pytest.mark.usefixtures("called")


def earlier(hours: float) -> None:
    """Move all events so far to an earlier time."""
    shift = timedelta(hours=hours)
    for event in Event.objects.all():
        Event.objects.filter(pk=event.pk).update(at=event.at - shift)
    for experiment in Experiment.objects.all():
        Experiment.objects.filter(pk=experiment.pk).update(created_at=experiment.created_at - shift)


def spent(experiment: Experiment) -> float:
    experiment.refresh_from_db()
    return budget.spent_hours(experiment)


def claimed(worker: str = "worker0@gpu") -> Run:
    run = claims.claim_next(worker)
    assert run is not None
    return run


def test_attempts_count_from_claim_to_end_or_to_now_times_the_processes_of_their_worker(owner: User) -> None:
    experiment = launched(owner)
    assert spent(experiment) == 0
    a_worker("worker1@gpu", processes=4)
    claimed()
    earlier(1.5)
    second = claimed("worker1@gpu")
    assert spent(experiment) == pytest.approx(1.5, abs=0.01)
    earlier(0.25)
    assert spent(experiment) == pytest.approx(1.75 + 4 * 0.25, abs=0.01)
    Run.objects.filter(pk=second.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    services.take_back(second.pk)
    earlier(10)
    assert spent(experiment) == pytest.approx(11.75 + 1, abs=0.01), "an attempt that broke off has cost what it has"


def test_what_was_finished_before_the_experiment_costs_it_nothing(owner: User) -> None:
    first = launched(owner)
    for run in first.runs.filter(status=Status.QUEUED):
        finish(run)
    earlier(5)
    second = launched(owner, name="Again")
    assert second.runs.count() == first.runs.count()
    assert spent(second) == 0


def test_an_experiment_that_has_used_it_up_is_stopped_with_what_it_has_and_goes_on_with_more(owner: User) -> None:
    experiment = launched(owner)
    experiment_actions.limit(experiment, 2, owner)
    run = claimed()
    claims.append_events(run.pk, run.attempt, [*training_events(), CheckpointSaved(step=20)])
    earlier(1.9)
    experiment_actions.stop_used_up()
    assert Run.objects.get(pk=run.pk).status == Status.RUNNING
    earlier(0.2)
    experiment_actions.stop_used_up()
    run.refresh_from_db()
    assert run.status == Status.STOPPING
    assert not experiment.runs.filter(status__in=(Status.QUEUED, Status.WAITING)).exists()
    stop = Event.objects.filter(run=run, payload__kind="stop").get()
    assert stop.payload["by"] == "its budget of 2 accelerator-hours"
    experiment_actions.stop_used_up()
    assert Event.objects.filter(run=run, payload__kind="stop").count() == 1
    experiment_actions.limit(experiment, 4, owner)
    run_launch.launch(experiment)
    experiment_actions.stop_used_up()
    assert experiment.runs.filter(status=Status.QUEUED).exists()


def test_owners_set_it_on_its_page_and_through_the_api(owner: User) -> None:
    experiment, client = launched(owner), Client()
    client.force_login(owner)
    assert client.post(f"/experiments/{experiment.pk}/manage/", {"do": "limit", "budget": "1.5"}).status_code == 302
    assert "0 of 1.5 accelerator-hours used" in client.get(f"/experiments/{experiment.pk}/").content.decode()
    for wrong in ("much", "-1", "0", "nan"):
        answer = client.post(f"/experiments/{experiment.pk}/manage/", {"do": "limit", "budget": wrong})
        assert answer.status_code == 422
        assert "above zero" in answer.content.decode()
    client = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    path, sent = f"/api/v1/experiments/{experiment.pk}", {"content_type": "application/json"}
    assert client.patch(path, {"budget_hours": 3}, **sent).json()["budget_hours"] == 3  # type: ignore[arg-type]
    assert client.patch(path, {"name": "Renamed"}, **sent).json()["budget_hours"] == 3  # type: ignore[arg-type]
    assert client.patch(path, {"budget_hours": None}, **sent).json()["budget_hours"] is None  # type: ignore[arg-type]
    assert [entry.details["hours"] for entry in Entry.objects.filter(verb="limited").order_by("pk")] == [1.5, 3, "no limit"]


def test_a_run_that_was_stopped_and_evaluated_still_costs_what_it_took(owner: User) -> None:
    experiment = stopped_in_training(owner, checkpoint=10)
    whole = Run.objects.get(status=Status.STOPPED)
    assert not experiment.runs.filter(pk=whole.pk).exists(), "its evaluated beginning is there instead"
    began = experiment.created_at - timedelta(hours=2)
    Experiment.objects.update(created_at=began)
    Event.objects.filter(run=whole, payload__kind="claimed").update(at=began)
    assert spent(experiment) == pytest.approx(2, abs=0.01)
