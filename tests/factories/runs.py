"""Runs on the small data set of the tests of the library, trained in this process, and what they said."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training import Event, ExperimentSpec, Plan, RunSpec, Store, execute, make_plan
from training.storage.predictions import Predictions


@dataclass
class Recording:
    """The events of an attempt, and a stop after the first of one kind."""

    events: list[Event] = field(default_factory=list)
    stop_after: Callable[[Event], bool] = lambda event: False
    stop: bool = False

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.stop = self.stop or self.stop_after(event)

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.kind == kind]


def make_run(role: str = "weak", **changes: Any) -> RunSpec:
    """A supervisor, student or ceiling on the small data set, with any field of the run changed."""
    spec = ExperimentSpec.model_validate(
        {
            "data": {"name": "clear-reviews"},
            "weak": {"models": ["bag-of-words"]},
            "strong": {"models": ["minilm-l1"], "epochs": 4, "batch_size": 16},
            "seeds": 1,
        }
    )
    plan = make_plan(spec)
    return plan.runs[getattr(plan.triplets[0], role)].model_copy(update=changes)


def finish(run: RunSpec, store: Store) -> Recording:
    recording = Recording()
    execute(run, store, recording.emit, lambda: False)
    return recording


def plan_with(weak: str, strong: str, **training: Any) -> Plan:
    """One triplet on few rows, with the same settings for both roles."""
    settings = {"epochs": 2, "batch_size": 8, "max_tokens": 24, "lr": 1e-3} | training
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "clear-reviews", "limit": 64},
                "weak": {"models": [weak]} | settings,
                "strong": {"models": [strong]} | settings,
                "methods": [{"kind": "naive"}],
                "seeds": 1,
            }
        )
    )


def predictions(run: RunSpec, store: Store) -> Predictions:
    if not store.finished(run.key()):
        for needed in run.needs:
            assert store.finished(needed)
        finish(run, store)
    return store.read_predictions(run.key())


def run_on_weak_labels(store: Store, **changes: object) -> RunSpec:
    """A student whose supervisor has finished."""
    finish(make_run(), store)
    return make_run("student", **changes)


def full(**changes: object) -> RunSpec:
    """A fully tuned model, at a learning rate that shows something within a few steps."""
    return make_run("ceiling", adaptation="full", epochs=3, lr=5e-4, **changes)


Make = Callable[[], RunSpec]


KINDS: dict[str, Make] = {
    "bag of words": make_run,
    "probe": lambda: make_run("ceiling"),
    "full": lambda: full(limit=64),
    "lora": lambda: full(limit=64).model_copy(update={"adaptation": "lora", "lora_rank": 4, "lora_alpha": 8, "lr": 5e-3}),
}


def assert_same(expected: Predictions, other: Predictions) -> None:
    np.testing.assert_array_equal(expected.id, other.id)
    assert expected.prob.tobytes() == other.prob.tobytes()


def interrupted(run: RunSpec, store: Store, stop_after: Callable[[Event], bool]) -> Recording:
    recording = Recording(stop_after=stop_after)
    execute(run, store, recording.emit, lambda: recording.stop)
    return recording


def at_step(step: int) -> Callable[[Event], bool]:
    return lambda event: event.kind == "metric" and event.step >= step
