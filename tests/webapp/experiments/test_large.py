"""Launches and stops take several short transactions: a process may end between two of them, and others write meanwhile."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import claims
from tests.factories.experiments import finish, finish_all, launched, spec, state_now, training_events
from training.events import EVENT, CheckpointSaved, RunFailed, RunStopped
from webapp.accounts.tokens import make_token
from webapp.actions import experiments as experiment_actions
from webapp.experiments import lifecycle, queries, run_launch, run_stop, services, transitions
from webapp.experiments.bulk import FOLDED, Needs
from webapp.experiments.fold import fold
from webapp.experiments.models import Event, Experiment, Part, Role, Run, Status

pytestmark = pytest.mark.usefixtures("called")


class Killed(BaseException):
    """The process ends here, as by kill -9."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests complete their work on a slow machine, too."""
    monkeypatch.setattr(transitions, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(experiment_actions, "REQUEST_SECONDS", 600)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs in a transaction."""
    for module in (transitions, run_launch, run_stop):
        monkeypatch.setattr(module, "CHUNK", 3)


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, module: object, work: Callable[[], object]) -> None:
    """Do ``work`` in a process that is killed in the transaction with this number, counted from 1."""
    steps, whole = [0], module._step  # type: ignore[attr-defined]

    def once(*arguments: object) -> set[int]:
        steps[0] += 1
        changed: set[int] = whole(*arguments)
        if steps[0] == step:
            raise Killed
        return changed

    with monkeypatch.context() as patch:
        patch.setattr(module, "_step", once)
        with pytest.raises(Killed):
            work()


def statuses(experiment: Experiment) -> list[str]:
    return [part.run.status for part in queries.parts(experiment)]


def test_a_launch_that_was_killed_says_how_far_it_is_and_the_recovery_completes_it(
    owner: User, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = services.create(owner, spec(seeds=2))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))
    experiment.refresh_from_db()
    assert (experiment.transition, experiment.transition_done, experiment.transition_total) == ("launching", 3, 8)
    assert Run.objects.count() == 3
    for run in Run.objects.all():
        assert {need.key for need in run.needs.all()} == set(run.run_spec.needs), "nobody trains what lacks its labels"
    assert experiment_actions.unfinished() == [experiment.pk]
    experiment_actions.complete()
    experiment.refresh_from_db()
    assert (experiment.transition, experiment_actions.unfinished()) == ("", [])
    assert statuses(experiment) == [Status.QUEUED, Status.QUEUED, Status.WAITING, Status.WAITING] * 2
    assert Needs.objects.count() == 4


def test_a_second_click_completes_a_launch_that_was_killed(owner: User, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = services.create(owner, spec(seeds=2))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))
    experiment_actions.launch(experiment, owner)
    assert experiment.transition == ""
    assert statuses(experiment) == [Status.QUEUED, Status.QUEUED, Status.WAITING, Status.WAITING] * 2


def test_a_stop_that_was_killed_is_completed_by_the_recovery(owner: User, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = launched(owner, seeds=2)
    killed_at(2, monkeypatch, run_stop, lambda: experiment_actions.stop(experiment, owner))
    experiment.refresh_from_db()
    assert state_now(experiment) == "stopping"
    assert (experiment.transition_done, experiment.transition_total) == (3, 8)
    assert statuses(experiment).count(Status.STOPPED) == 3
    experiment_actions.complete()
    experiment.refresh_from_db()
    assert set(statuses(experiment)) == {Status.STOPPED}
    assert state_now(experiment) == "stopped"
    assert experiment.ended_at is not None


def test_a_stop_in_the_middle_of_a_launch_ends_the_launch(owner: User, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = services.create(owner, spec(seeds=2))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))
    experiment_actions.stop(experiment, owner)
    experiment_actions.complete()
    assert statuses(experiment) == [Status.STOPPED] * 3
    assert state_now(experiment) == "stopped"


def test_a_student_whose_supervisor_failed_while_the_launch_went_on_fails_with_it(
    owner: User, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = services.create(owner, spec(seeds=1, methods=[{"kind": "naive"}, {"kind": "confidence"}]))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))
    weak = experiment.runs.filter(parts__role=Role.WEAK)[0]
    claimed = claims.claim(weak.pk, "worker@test")
    assert claimed
    claims.append_events(weak.pk, claimed.attempt, [RunFailed(error="The disk is full.", log="")])
    experiment_actions.complete()
    students = Run.objects.filter(parts__role=Role.STUDENT)
    assert [run.status for run in students] == [Status.FAILED] * 2
    assert all("The disk is full." in run.error for run in students)


def test_a_run_that_another_experiment_stopped_while_the_launch_went_on_is_trained_again(
    owner: User, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = launched(owner, seeds=2)
    last = list(queries.parts(first))[4].run
    claimed = claims.claim(last.pk, "worker@test")
    assert claimed
    second = services.create(owner, spec(name="Shares all", seeds=2))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(second, owner))
    experiment_actions.stop(first, owner)
    experiment_actions.complete()
    claims.append_events(last.pk, claimed.attempt, [RunStopped(step=3)])
    assert Run.objects.get(pk=last.pk).status == Status.QUEUED


def test_a_launch_that_cannot_be_planned_any_more_is_stopped_with_the_reason(
    owner: User, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = services.create(owner, spec(seeds=2))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))

    def gone(spec: object) -> None:
        raise ValueError("The model is gone.")

    monkeypatch.setattr(run_launch, "make_plan", gone)
    experiment_actions.complete()
    assert set(statuses(experiment)) == {Status.STOPPED}
    stop = Event.objects.filter(payload__kind="stop")[0]
    assert "The model is gone." in stop.payload["by"]


def test_the_state_of_runs_changed_together_is_the_fold_of_their_events(owner: User) -> None:
    experiment = launched(owner, seeds=3)
    taken = claims.claim_next("worker@test")
    assert taken
    claims.append_events(taken.pk, taken.attempt, [*training_events(), CheckpointSaved(step=10)])
    finish(experiment.runs.filter(status=Status.QUEUED)[0])
    run_stop.stop_experiment(experiment, "ada", evaluate=True)
    claims.append_events(taken.pk, taken.attempt, [RunStopped(step=20)])
    run_launch.launch(experiment)
    assert Run.objects.filter(status=Status.QUEUED).exists()
    for run in Run.objects.all():
        folded = Run(key=run.key, spec=run.spec)
        events = list(Event.objects.filter(run=run))
        for event in events:
            fold(folded, EVENT.validate_python(event.payload), event.at)
        assert [event.seq for event in events] == list(range(1, run.last_seq + 1))
        assert {name: getattr(folded, name) for name in FOLDED} == {name: getattr(run, name) for name in FOLDED}


def counted(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as rows:
        work()
    return len(rows)


SEEDS = (2, 50)
"""8 and 200 runs, which are one transaction each in this test."""

BATCHES = 40
"""SQLite takes 999 parameters in a statement, so that the rows of 200 runs are inserted by some statements more."""


def test_the_number_of_queries_of_a_launch_and_of_a_stop_does_not_grow_with_the_runs(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (run_launch, run_stop):
        monkeypatch.setattr(module, "CHUNK", 201)
    launches, stops = [], []
    for number, seeds in enumerate(SEEDS):
        experiment = services.create(owner, spec(seeds=seeds, data={"split_seed": number}))
        launches.append(counted(lambda experiment=experiment: run_launch.launch(experiment)))  # type: ignore[misc]
        stops.append(counted(lambda experiment=experiment: run_stop.stop_experiment(experiment, "ada")))  # type: ignore[misc]
        assert experiment.runs.filter(status=Status.STOPPED).distinct().count() == 4 * seeds
    assert launches[1] - launches[0] <= BATCHES
    assert stops[1] - stops[0] <= BATCHES


@pytest.mark.parametrize("path", ["/experiments/{}/", "/experiments/{}/status/", "/", "/experiments/"])
def test_the_number_of_queries_of_a_page_does_not_grow_with_the_runs(owner: User, client: Client, path: str) -> None:
    client.force_login(owner)
    rows = []
    for number, seeds in enumerate(SEEDS):
        Part.objects.all().delete()
        Experiment.objects.all().delete()
        experiment = launched(owner, seeds=seeds, data={"split_seed": number})
        client.get(path.format(experiment.pk))  # what is kept between requests
        rows.append(counted(lambda pk=experiment.pk: client.get(path.format(pk))))  # type: ignore[misc]
    assert rows[1] <= rows[0]


def test_page_and_api_say_how_far_a_launch_is(owner: User, client: Client, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = services.create(owner, spec(seeds=2))
    killed_at(2, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))
    client.force_login(owner)
    page = client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert "Launching: 3 of 8 runs" in page
    assert f"/experiments/{experiment.pk}/status/?transition=launching" in page
    bearer = {"authorization": f"Bearer {make_token(owner)}"}
    said = Client(headers=bearer).get(f"/api/v1/experiments/{experiment.pk}").json()
    assert said["transition"] == {"kind": "launching", "done": 3, "total": 8}
    again = f"/experiments/{experiment.pk}/status/?pair=0&transition=launching"
    assert "HX-Refresh" not in client.get(again).headers
    experiment_actions.complete()
    assert client.get(again).headers["HX-Refresh"] == "true"
    assert "Launching" not in client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert Client(headers=bearer).get(f"/api/v1/experiments/{experiment.pk}").json()["transition"] is None


def test_what_is_being_launched_cannot_be_deleted(owner: User, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = services.create(owner, spec(seeds=2))
    killed_at(1, monkeypatch, run_launch, lambda: experiment_actions.launch(experiment, owner))
    with pytest.raises(lifecycle.AtWork, match="This experiment is launching"):
        lifecycle.delete(experiment)


def test_a_click_works_for_a_second_at_most_and_leaves_the_rest(owner: User, few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_actions, "REQUEST_SECONDS", 0)
    experiment = services.create(owner, spec(seeds=2))
    experiment_actions.launch(experiment, owner)
    assert (experiment.transition, experiment.transition_done) == ("launching", 3)
    experiment_actions.complete()
    finish_all(experiment)
    assert state_now(experiment) == "finished"


REFUSED = "This experiment needs more than 10 runs, the most that one may have here: choose fewer seeds, models or methods."


def test_too_many_runs_are_refused_by_the_form_beside_the_seeds(
    owner: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.pages.experiments.form import SpecForm

    raw = SpecForm.of(spec(seeds=3)).raw
    monkeypatch.setenv("MAX_RUNS", "10")
    client.force_login(owner)
    for path, status in (("/experiments/new/", 422), ("/experiments/new/preview/", 200)):
        answer = client.post(path, {**raw, "do": ["launch"]})
        assert answer.status_code == status
        assert REFUSED in answer.content.decode()
    assert Experiment.objects.count() == 0


def test_too_many_runs_are_refused_by_the_api(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = services.create(owner, spec(seeds=3))
    monkeypatch.setenv("MAX_RUNS", "10")
    client = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    for path in ("/experiments/preview", "/experiments", "/experiments?launch=true"):
        answer = client.post(f"/api/v1{path}", spec(seeds=3).model_dump(mode="json"), content_type="application/json")
        assert (answer.status_code, answer.json()) == (422, {"errors": [{"path": "seeds", "message": REFUSED}]})
    answer = client.post(f"/api/v1/experiments/{stored.pk}/launch")
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (422, REFUSED)
    assert Experiment.objects.count() == 1
    assert Run.objects.count() == 0
