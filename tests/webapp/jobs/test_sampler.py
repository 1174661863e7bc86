"""Samples that a worker takes of its trainer: all its processes, the speed of its steps, few samples however long it trains."""

import subprocess
import sys

import pytest

from training.events import MetricLogged
from webapp.jobs import sampler as module
from webapp.jobs.devices import Device
from webapp.jobs.sampler import Sampler, Speed, Use, pause_after

WITH_A_CHILD = """
import subprocess, sys
work = "held = bytearray(100_000_000)\\nprint('ready', flush=True)\\nwhile True: pass"
with subprocess.Popen([sys.executable, "-c", work]) as child:
    input()
    child.kill()
"""
DAY = 24 * 3600


def first_sample(monkeypatch: pytest.MonkeyPatch, pid: int) -> Use:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.2)
    with Sampler(lambda: pid, 0) as sampler:
        return sampler._uses.get(timeout=60)


def test_a_thousand_samples_cover_48_days_and_pauses_only_grow() -> None:
    pauses = [pause_after(samples) for samples in range(1000)]
    assert pauses == sorted(pauses)
    assert 48 * DAY < sum(pauses) < 49 * DAY
    assert sum(pauses[:100]) < 6 * 60


def test_a_sample_counts_the_processes_of_the_trainer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WITH_A_CHILD], **pipes) as trainer:  # type: ignore[call-overload]
        assert trainer.stdout
        assert trainer.stdout.readline() == b"ready\n"
        use = first_sample(monkeypatch, trainer.pid)
        trainer.communicate(b"\n")
    assert use.memory > 100_000_000
    assert use.cores > 0


def test_a_sample_has_the_mean_and_the_most_of_all_accelerators(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [Device(name="GPU", memory=80, used=used, busy=busy) for used, busy in ((10, 0.5), (30, 1.0))]
    monkeypatch.setattr(module, "accelerators", lambda: gpus)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as trainer:
        use = first_sample(monkeypatch, trainer.pid)
        trainer.kill()
    assert (use.accelerator, use.accelerator_memory) == (0.75, 40)


def test_speeds_are_those_between_the_logged_steps_since_the_sample_before() -> None:
    speed, use = Speed(batch_size=32), Use(cores=1, memory=1)

    def log(step: int, at: float) -> None:
        speed.add(MetricLogged(step=step, loss=0.5, lr=1, tokens=1000 * step), at)

    nothing = speed.sample(use, 1)
    assert (nothing.step, nothing.examples_per_second, nothing.tokens_per_second) == (0, None, None)
    log(10, at=5.0)
    log(20, at=7.0)
    both = speed.sample(use, 3)
    assert (both.step, both.examples_per_second, both.tokens_per_second, both.runs) == (20, 160, 5000, 3)
    log(30, at=17.0)
    assert speed.sample(use, 3).tokens_per_second == 1000
    assert speed.sample(use, 3).tokens_per_second is None, "no step was logged since the sample before"
