"""The page of a run says what happens next, after any event."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import finish, launched, training_events
from training.events import CheckpointSaved, RunFailed, RunStopped
from webapp.experiments import queue, run_logs, run_stop, services
from webapp.experiments.models import Experiment, Role, Run
from webapp.pages.experiments.forecast import forecast


def of(experiment: Experiment, role: Role) -> Run:
    return experiment.parts.filter(role=role)[0].run


def claimed(experiment: Experiment) -> Run:
    run = claims.claim_next("worker0@gpu")
    assert run is not None
    return run


def said(run: Run) -> str:
    return forecast(Run.objects.get(pk=run.pk))


def lose(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    services.take_back(run.pk)


def test_what_waits_says_for_which_run_and_what_is_queued_how_many_come_before_it(owner: User) -> None:
    experiment = launched(owner)
    weak, student, ceiling = (of(experiment, role) for role in (Role.WEAK, Role.STUDENT, Role.CEILING))
    assert said(student) == f"It is queued automatically once run {weak.pk}, whose answers it needs, has finished."
    assert said(weak) == "It is next in the queue. A worker that is free starts it."
    assert said(ceiling) == "One run comes before it in the queue. A worker that is free starts it."
    queue.pause(owner, "")
    expected = "The queue is paused by ada. Once it is resumed: it is next in the queue. A worker that is free starts it."
    assert said(weak) == expected


def test_a_lost_run_says_from_where_it_goes_on_and_when_it_is_given_up(owner: User) -> None:
    run = claimed(launched(owner))
    claims.append_events(run.pk, run.attempt, [*training_events(), CheckpointSaved(step=40)])
    lose(run)
    assert "Attempt 2 goes on from step 40. If 2 more attempts break off, it is given up." in said(run)
    again = claims.claim(run.pk, "worker1@gpu")
    assert again is not None
    lose(run)
    assert "Attempt 3 goes on from step 40. If this attempt breaks off too, it is given up." in said(run)
    claims.claim(run.pk, "worker1@gpu")
    lose(run)
    assert said(run).startswith("Nothing by itself")
    assert said(run).endswith("it then goes on from step 40.")


def test_a_run_at_work_says_that_it_starts_trains_or_is_about_to_be_taken_back(owner: User) -> None:
    run = claimed(launched(owner))
    assert said(run) == "Its trainer is starting."
    claims.append_events(run.pk, run.attempt, training_events())
    assert said(run).startswith("It trains until its last step.")
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert said(run).startswith("Its worker gives no sign of life")


def test_a_stop_says_how_long_it_takes_and_what_then_comes_of_it(owner: User) -> None:
    experiment = launched(owner)
    run = claimed(experiment)
    run_stop.stop_experiment(experiment, "ada")
    assert said(run).startswith("It saves a checkpoint and ends. If it has not in 4 seconds, all its processes are killed.")
    claims.append_events(run.pk, run.attempt, [CheckpointSaved(step=7), RunStopped(step=7)])
    assert said(run) == "Nothing, until an experiment that needs it is launched again: then it goes on from step 7."
    assert said(of(experiment, Role.CEILING)).endswith("then it starts again.")


def test_a_failure_is_not_tried_again_and_of_a_supervisor_its_students_say_so(owner: User) -> None:
    experiment = launched(owner)
    run = claimed(experiment)
    claims.append_events(run.pk, run.attempt, [RunFailed(error="The loss is not finite.")])
    assert said(run).startswith("Nothing by itself, since the same failure is likely.")
    assert f"tries run {run.pk} again first, and then this one." in said(of(experiment, Role.STUDENT))


def test_a_finished_run_has_nothing_more_to_say_and_the_page_says_the_rest(owner: User) -> None:
    experiment = launched(owner)
    client = Client()
    client.force_login(owner)
    weak = of(experiment, Role.WEAK)
    page = client.get(f"/runs/{weak.pk}/").content.decode()
    assert "Next steps" in page
    assert "It is next in the queue." in page
    finish(weak)
    assert said(weak) == ""
    assert "Next steps" not in client.get(f"/runs/{weak.pk}/").content.decode()


@pytest.mark.parametrize(("phase", "word"), [("starting", "Starting"), ("training", "Running")])
def test_starting_is_told_apart_from_running(owner: User, phase: str, word: str) -> None:
    run = claimed(launched(owner))
    Run.objects.filter(pk=run.pk).update(phase=phase)
    client = Client()
    client.force_login(owner)
    assert f'role="status">{word}</span>' in client.get(f"/runs/{run.pk}/").content.decode()


def test_the_log_of_a_run_is_on_its_page_searchable_and_a_file(owner: User, client: Client) -> None:
    run = claimed(launched(owner))
    client.force_login(owner)
    assert "Nothing was written yet." in client.get(f"/runs/{run.pk}/").content.decode()
    assert client.get(f"/runs/{run.pk}/log.txt").status_code == 404
    path = run_logs.path_of(run.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("first <b>line</b>\nsecond line\n")
    assert "first &lt;b&gt;line&lt;/b&gt;\nsecond line" in client.get(f"/runs/{run.pk}/").content.decode()
    log_part = client.get(f"/runs/{run.pk}/log/", {"find": "SECOND"}).content.decode()
    assert "second line" in log_part
    assert "first" not in log_part
    assert "every 3s" in log_part, "it trains, so more may come"
    assert "No line contains “third”." in client.get(f"/runs/{run.pk}/log/", {"find": "third"}).content.decode()
    file = client.get(f"/runs/{run.pk}/log.txt")
    assert file.content == path.read_bytes()
    path.unlink()
