import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import SystemSampled
from webapp.accounts.tokens import make_token
from webapp.experiments import run_logs
from webapp.experiments.models import Run, Status


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


@pytest.fixture
def run(owner: User) -> Run:
    return launched(owner).runs.order_by("pk")[0]


def test_a_run_says_what_decides_it_and_who_needs_it(client: Client, run: Run) -> None:
    answer = client.get(f"/api/v1/runs/{run.pk}").json()
    assert (answer["key"], answer["spec"]["seed"]) == (run.key, run.run_spec.seed)
    assert answer["experiments"] == [experiment.pk for experiment in run.experiments.distinct()]


def test_the_log_of_a_run_is_read(client: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(log="out of memory")
    assert client.get(f"/api/v1/runs/{run.pk}/log").json() == {"log": "out of memory", "lines": []}
    path = run_logs.path_of(run.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("one\ntwo\nthree\n")
    assert client.get(f"/api/v1/runs/{run.pk}/log?lines=2").json()["lines"] == ["two", "three"]
    assert client.get(f"/api/v1/runs/{run.pk}/log?find=T&lines=1").json()["lines"] == ["three"]
    path.unlink()


def test_the_samples_of_a_run_are_read_as_json_and_as_a_file(client: Client, run: Run, owner: User) -> None:
    samples = [SystemSampled(step=step, cores=1.5, memory=10**9, tokens_per_second=step or None) for step in (0, 8)]
    claimed = claims.claim(run.pk, "a worker")
    assert claimed
    claims.append_events(run.pk, claimed.attempt, samples)
    answer = client.get(f"/api/v1/runs/{run.pk}/system").json()["samples"]
    read = [(sample["attempt"], sample["step"], sample["cores"], sample["tokens_per_second"]) for sample in answer]
    assert read == [(1, 0, 1.5, None), (1, 8, 1.5, 8)]
    client.force_login(owner)
    names, *lines = client.get(f"/runs/{run.pk}/system.csv").text.splitlines()
    assert names.startswith("seq,attempt,at,kind,step,cores,memory,")
    assert len(lines) == 2


def test_a_run_is_stopped_and_answers_with_its_new_status(client: Client, run: Run, broker: str) -> None:
    assert client.post(f"/api/v1/runs/{run.pk}/stop").json()["status"] == Status.STOPPED


def test_unknown_runs_have_no_page_no_log_and_no_stop(client: Client) -> None:
    for number in (999, 10**30):
        path = f"/api/v1/runs/{number}"
        answers = [client.get(path), client.get(f"{path}/log"), client.post(f"{path}/stop")]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
