"""The self-test: short trainings of the embedded model on the embedded data set, whose numbers are known."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

import torch

from training import ExperimentSpec, make_plan
from training.command_output import MachineCheck
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.errors import Stopped
from training.engine.execute import execute
from training.engine.models.input_loading import load_inputs
from training.engine.models.inputs import Ragged
from training.events import Event, MetricLogged, RunFinished, RunStarted
from training.spec import RunSpec
from training.storage.artifacts import Store

SECONDS = 120.0
"""Time for all trainings together."""


@dataclass(frozen=True)
class Expected:
    """Mean training loss over all steps in nats, and accuracy on the test set, with the largest difference allowed to each."""

    loss: float
    accuracy: float
    loss_tolerance: float
    accuracy_tolerance: float


EXPECTED = {
    "probe": Expected(0.6568, 0.743, 0.001, 0.01),
    "fp32": Expected(0.685, 0.662, 0.001, 0.01),
    "bf16": Expected(0.685, 0.662, 0.002, 0.02),
}
"""Computed by ``runs`` on a CPU (AMD EPYC, torch 2.13.0) on 2026-11-29; one and two threads gave the same digits.

An untrained model has a loss of 0.6931.
"""


def runs() -> dict[str, RunSpec]:
    """Return the trainings of the self-test: a probe, and a full tuning in each format."""
    return {
        "probe": _run({"models": ["minilm-l1"], "precision": "fp32"}),
        **{name: _run({"models": ["minilm-l1"], "tuning": "full", "precision": name, "lr": 5e-4}) for name in ("fp32", "bf16")},
    }


def _run(strong: dict[str, object]) -> RunSpec:
    data = {"limit": 300, "test_fraction": 0.05, "locked_fraction": 0}
    plan = make_plan(ExperimentSpec.model_validate({"data": data, "strong": strong | {"epochs": 2, "stop": "last"}, "seeds": 1}))
    return plan.runs[plan.triplets[0].ceiling]


@dataclass
class Measured:
    """The events of a training, with the durations of its steps."""

    report: Callable[[str], None]
    steps: list[tuple[int, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    started: RunStarted | None = None
    finished: RunFinished | None = None
    last: float = 0.0

    def emit(self, event: Event) -> None:
        now = time.monotonic()
        match event:
            case RunStarted():
                self.started = event
            case MetricLogged():
                before = self.steps[-1][0] if self.steps else 0
                self.steps.append((event.step, (now - self.last) / (event.step - before)))
                self.losses.append(event.loss or 0.0)
                self.report(f"step {event.step} of {self.started.total_steps if self.started else 0}")
            case RunFinished():
                self.finished = event
        self.last = time.monotonic()


def check(name: str, store: Store, end: float, should_stop: Callable[[], bool], report: Callable[[str], None]) -> MachineCheck:
    """Train the run of that name until ``end``, in monotonic seconds, at the latest. Raises Stopped after a stop request."""
    run, measured, begun = runs()[name], Measured(report), time.monotonic()
    execute(run, store, measured.emit, lambda: should_stop() or time.monotonic() > end)
    if should_stop():
        raise Stopped
    return result(name, run, store, measured, time.monotonic() - begun)


def result(name: str, run: RunSpec, store: Store, measured: Measured, seconds: float) -> MachineCheck:
    """Compare what was measured with what is expected."""
    title = f"training, {name}"
    if measured.finished is None or measured.started is None:
        sentence = f"Not finished within {SECONDS:.0f} seconds: this machine is slow or busy. Try again when it is at rest."
        return MachineCheck(name=title, state="warning", sentence=sentence)
    expected, loss, accuracy = EXPECTED[name], fmean(measured.losses), measured.finished.accuracy or 0.0
    text = f"Loss {loss:.4f} (expected {expected.loss:.4f}), accuracy {accuracy:.3f} (expected {expected.accuracy:.3f})"
    facts: dict[str, str | float] = {
        "device": measured.started.device,
        "loss": loss,
        "accuracy": accuracy,
        "seconds": seconds,
        "peak_memory": peak_memory(),
    }
    cost = f"{seconds:.1f} s in all, at most {peak_memory() / 2**20:.0f} MiB, on {measured.started.device}"
    if run.tunes_backbone:
        facts["tokens_per_second"] = speed = tokens_per_second(run, store, measured)
        cost = f"{speed:,.0f} tokens a second in training, {cost}"
    near = abs(loss - expected.loss) <= expected.loss_tolerance
    if near and abs(accuracy - expected.accuracy) <= expected.accuracy_tolerance:
        return MachineCheck(name=title, state="ok", sentence=f"{text}; {cost}.", facts=dict(facts))
    sentence = (
        f"{text}. They differ by more than {expected.loss_tolerance} and {expected.accuracy_tolerance}: compare the versions "
        "with requirements.txt, and do not trust numbers of this machine before that is explained."
    )
    return MachineCheck(name=title, state="failed", sentence=sentence, facts=dict(facts))


def tokens_per_second(run: RunSpec, store: Store, measured: Measured) -> float:
    """Return the tokens of texts, without padding, per second of the steps after the first, without evaluations."""
    examples = load_examples(run.dataset, run.fingerprint)
    rows = split_for(run, examples.group, examples.part).half(run.half).train
    inputs = load_inputs(run, examples, store, lambda event: None, lambda: False)
    assert isinstance(inputs, Ragged)
    tokens = inputs.lengths[rows].sum() * run.epochs / measured.steps[-1][0]  # of a step
    return float(tokens / fmean(seconds for _, seconds in measured.steps[1:]))


def peak_memory() -> int:
    """Return the most bytes that were in use: on a CUDA device, else in this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
