"""Workers as jobs of Slurm: as many as the queue needs, up to a limit, and none that stays without work.

A job is a worker that is asked to end some time before its time limit: its run goes back to the queue with its checkpoint.
"""

import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from webapp.experiments import queue, workers
from webapp.experiments.models import LEASED, Run

logger = logging.getLogger(__name__)

NAME = "w2s-worker"
SECONDS = 60.0
"""Timeout of a command of Slurm."""
JOB = re.compile(r"\d+")


class SlurmError(Exception):
    """A command of Slurm failed, or is not on this machine; the message is a sentence."""


@dataclass(frozen=True)
class Options:
    """``most`` jobs at a time, each with ``minutes``, ended ``grace_seconds`` before; ``sbatch`` are further options of it."""

    most: int
    minutes: int
    grace_seconds: int
    sbatch: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """The number of jobs that a round submitted, and the jobs that it ended."""

    submitted: int
    ended: list[str]


def once(options: Options) -> Change:
    """Compare the queue with the jobs once, and submit or end jobs. Raises SlurmError."""
    states = jobs()
    waiting = [] if queue.pause_now() else queue.queued_run_ids()
    busy = _busy(states)
    free = [job for job in states if job not in busy]
    wanted = min(len(waiting) - len(free), options.most - len(states))
    for _ in range(max(0, wanted)):
        submit(options)
    surplus = free[len(waiting) :] if not waiting else []
    for job in surplus:
        end(job, running=states[job] == "RUNNING")
    return Change(max(0, wanted), surplus)


def _busy(states: Mapping[str, str]) -> set[str]:
    """Return those of the jobs with these states whose worker holds a run, or has not yet reported that it is here."""
    training = set(Run.objects.filter(status__in=LEASED).values_list("worker", flat=True))
    here = {worker.name for worker in workers.online()}
    busy = {job for name in training if (job := job_of(name))}
    return busy | {job for job, state in states.items() if state == "RUNNING" and not any(job_of(name) == job for name in here)}


def job_of(worker: str) -> str:
    """Return the job of a worker by its name, slurm-JOB@HOST, empty for a worker of another kind."""
    name, _, job = worker.partition("@")[0].partition("-")
    return job if name == "slurm" and JOB.fullmatch(job) else ""


def jobs() -> dict[str, str]:
    """Return the states of this account's pending and running jobs by their number. Raises SlurmError."""
    listed = _run("squeue", "--me", "--noheader", f"--name={NAME}", "--states=PENDING,RUNNING", "--format=%i %T")
    return dict(line.split(maxsplit=1) for line in listed.splitlines() if line.strip())


def submit(options: Options) -> str:
    """Submit a job and return its number. Raises SlurmError."""
    words = [f"--job-name={NAME}", f"--time={options.minutes}", f"--signal=B:TERM@{options.grace_seconds}", "--parsable"]
    words += [f"--chdir={settings.BASE_DIR}", f"--output={settings.LOG_DIR}/slurm-%j.log", "--export=ALL"]
    job = _run("sbatch", *words, *options.sbatch, f"--wrap={script()}").strip().partition(";")[0]
    if not JOB.fullmatch(job):
        raise SlurmError(f"sbatch did not name its job: {job[:100]}")
    logger.info("submitted job %s", job)
    return job


def script() -> str:
    """Return the job: a worker in place of the shell, so that Slurm's signal reaches it."""
    return f'exec {shlex.join([sys.executable, "-m", "webapp", "worker", "--name"])} "slurm-$SLURM_JOB_ID"'


def end(job: str, *, running: bool) -> None:
    """Ask the worker of a running job to end, or cancel one that has not begun. Raises SlurmError."""
    _run("scancel", *(("--batch", "--signal=TERM") if running else ()), job)


def _run(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise SlurmError(f"{words[0]} is not on this machine: start this where jobs are submitted.") from None
    except subprocess.TimeoutExpired:
        raise SlurmError(f"{words[0]} did not answer within {SECONDS:.0f} seconds.") from None
    if done.returncode:
        lines: Sequence[str] = done.stderr.strip().splitlines() or ["no message"]
        raise SlurmError(f"{words[0]} failed: {lines[-1][:300]}")
    return done.stdout
