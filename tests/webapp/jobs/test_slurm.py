"""Workers as jobs of Slurm, with programs in the place of sbatch, squeue and scancel."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.workers import a_worker
from webapp.experiments import queue, run_stop
from webapp.experiments.models import Experiment, Run, Status
from webapp.jobs import slurm
from webapp.jobs.slurm import Options, once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]

PROGRAM = f"""#!{sys.executable}
import json, pathlib, sys
state = pathlib.Path(__file__).with_name("state.json")
jobs, calls = json.loads(state.read_text())
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
calls.append([name, *words])
if name == "sbatch":
    jobs[str(100 + len(jobs))] = "PENDING"
    print(f"{{99 + len(jobs)}};cluster")
elif name == "squeue":
    print("\\n".join(f"{{job}} {{state}}" for job, state in jobs.items()))
elif "--signal=TERM" not in words:
    del jobs[words[-1]]
state.write_text(json.dumps([jobs, calls]))
"""


class Cluster:
    """The jobs of a cluster that starts none by itself, and the calls of its programs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "state.json"
        self.write({}, [])
        for name in ("sbatch", "squeue", "scancel"):
            (folder / name).write_text(PROGRAM)
            (folder / name).chmod(stat.S_IRWXU)

    def write(self, jobs: dict[str, str], calls: list[list[str]]) -> None:
        self.file.write_text(json.dumps([jobs, calls]))

    @property
    def jobs(self) -> dict[str, str]:
        return dict(json.loads(self.file.read_text())[0])

    def calls(self, name: str) -> list[list[str]]:
        return [words for program, *words in json.loads(self.file.read_text())[1] if program == name]

    def begin(self, job: str) -> None:
        """Let the job run, with a worker that has reported itself."""
        jobs, calls = json.loads(self.file.read_text())
        self.write(jobs | {job: "RUNNING"}, calls)
        a_worker(f"slurm-{job}@node1")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Cluster(tmp_path)


@pytest.fixture
def experiment(owner: User) -> Experiment:
    experiment = launched(owner)
    assert Run.objects.filter(status=Status.QUEUED).count() >= 2
    return experiment


OPTIONS = Options(most=8, minutes=60, grace_seconds=90, sbatch=("--gres=gpu:1", "--partition=short"))


def test_each_queued_run_gets_a_job_once(cluster: Cluster, experiment: Experiment) -> None:
    queued = len(queue.queued_run_ids())
    assert once(OPTIONS).submitted == queued
    assert once(OPTIONS).submitted == 0
    assert len(cluster.jobs) == queued


def test_a_job_ends_its_worker_before_its_time_limit(cluster: Cluster, experiment: Experiment) -> None:
    once(OPTIONS)
    words = cluster.calls("sbatch")[0]
    assert {"--time=60", "--signal=B:TERM@90", "--gres=gpu:1", "--partition=short", f"--job-name={slurm.NAME}"} <= set(words)
    [wrapped] = [word for word in words if word.startswith("--wrap=")]
    assert wrapped == f'--wrap=exec {sys.executable} -m webapp worker --name "slurm-$SLURM_JOB_ID"'


def test_there_are_never_more_jobs_than_allowed(cluster: Cluster, experiment: Experiment) -> None:
    assert once(Options(most=1, minutes=60, grace_seconds=90)).submitted == 1
    assert once(Options(most=1, minutes=60, grace_seconds=90)).submitted == 0


def test_a_worker_at_work_is_not_counted_for_what_waits(cluster: Cluster, experiment: Experiment) -> None:
    first = queue.queued_run_ids()[0]
    assert once(Options(most=1, minutes=60, grace_seconds=90)).submitted == 1
    cluster.begin("100")
    claims.claim(first, "slurm-100@node1")
    assert once(OPTIONS).submitted == len(queue.queued_run_ids())


def test_without_work_waiting_jobs_are_cancelled_and_idle_workers_asked_to_end(
    cluster: Cluster, experiment: Experiment, owner: User
) -> None:
    once(OPTIONS)
    first, *others = cluster.jobs
    cluster.begin(first)
    run_stop.stop_experiment(experiment, owner.username)
    assert once(OPTIONS).ended == [first, *others]
    assert ["--batch", "--signal=TERM", first] in cluster.calls("scancel")
    assert all([job] in cluster.calls("scancel") for job in others)


def test_a_worker_at_work_or_on_its_way_is_left_alone(cluster: Cluster, experiment: Experiment, owner: User) -> None:
    first, *_ = queue.queued_run_ids()
    once(Options(most=2, minutes=60, grace_seconds=90))
    cluster.begin("100")
    claims.claim(first, "slurm-100@node1")
    jobs, calls = json.loads(cluster.file.read_text())
    cluster.write(jobs | {"101": "RUNNING"}, calls)  # begun, and not yet in the list of workers
    Run.objects.filter(status__in=(Status.QUEUED, Status.WAITING)).update(status=Status.STOPPED)
    assert once(OPTIONS).ended == []


def test_a_paused_queue_starts_no_job(cluster: Cluster, experiment: Experiment, owner: User) -> None:
    queue.pause(owner, "a test")
    assert once(OPTIONS).submitted == 0


def test_a_failing_program_and_a_missing_one_are_sentences(
    cluster: Cluster, experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbatch").write_text(f"#!{sys.executable}\nimport sys\nsys.exit('sbatch: error: invalid partition')")
    with pytest.raises(CommandError, match="sbatch failed: sbatch: error: invalid partition"):
        call_command("slurm", "--once")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandError, match="squeue is not on this machine"):
        call_command("slurm", "--once")


@pytest.mark.parametrize(("worker", "job"), [("slurm-42@node", "42"), ("worker0@lab", ""), ("slurm-x@node", ""), ("slurm", "")])
def test_the_name_of_a_worker_has_its_job(worker: str, job: str) -> None:
    assert slurm.job_of(worker) == job
