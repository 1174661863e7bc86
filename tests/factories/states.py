"""Experiments in every state that a page must tell, with curves and predictions that look like real ones."""

import re
from math import exp

import numpy as np
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import ending, spec
from training.events import CheckpointSaved, EvaluationLogged, Event, MetricLogged, RunFailed, RunStarted
from training.storage.predictions import Predictions, Trajectory
from webapp.artifact_store import artifact_store
from webapp.experiments import results, run_launch, run_stop, services
from webapp.experiments.models import Experiment, Part, Run, Status

ROWS = 2642
STEPS = 1000
AGAIN = "Traceback (most recent call last):\n  …\nRuntimeError: loss is not finite at step 340\n"


def skill(run: Run, ceiling: float = 0.788) -> float:
    """Accuracy that a run of this kind tends to reach."""
    role = Part.objects.filter(run=run).values_list("role", flat=True)[0]
    jitter = np.random.default_rng(int(run.key[:8], 16)).normal(0, 0.004)
    student = 0.66 + 0.35 * (ceiling - 0.66) + (0.013 if run.spec["method"]["kind"] == "confidence" else 0)
    return float({"weak": 0.66, "student": student, "ceiling": ceiling}[role] + jitter)


def predict(run: Run, share: float) -> None:
    """Predictions with about this accuracy; an example's hardness is shared by all runs, so that their errors are alike."""
    hard = np.random.default_rng(7).random(ROWS)
    own = np.random.default_rng(int(run.key[8:16], 16)).random(ROWS)
    score = 0.75 * hard + 0.25 * own
    right = score <= np.quantile(score, share)
    gold = np.arange(ROWS) % 2
    label = np.where(right, gold, 1 - gold)
    prob = np.where(label == 1, 0.5 + own / 2.2, 0.5 - own / 2.2).astype(np.float32)
    done = Predictions(np.arange(ROWS), np.full(ROWS, "test"), np.arange(ROWS), gold.astype(np.int8), prob)
    store = artifact_store()
    store.write_predictions(run.key, done)
    worse, better = np.where(hard < 0.01, 1 - prob, prob), prob.copy()
    better[np.flatnonzero(~right)[:30]] = gold[np.flatnonzero(~right)[:30]]
    path = np.stack([prob * 0, better, prob, worse]).astype(np.float32)
    validation = np.array([0.5, 0.6, 0.7, 0.65])
    store.write_trajectory(run.key, Trajectory(np.array([0, 300, 700, STEPS]), done.id, path, validation, 700))


def curve(run: Run, target: float, until: int, start: int = 0, broken: int | None = None) -> list[Event]:
    """Losses every 20 steps and evaluations every 100, with a little noise; ``broken`` is a step whose loss is not a number."""
    rng = np.random.default_rng(int(run.key[:6], 16))
    student = run.spec["labels"] != "ground-truth"
    events: list[Event] = []
    for step in range(start + 20, until + 1, 20):
        done = 1 - exp(-step / 180)
        loss = None if step == broken else 0.69 - 0.2 * done + rng.normal(0, 0.006)
        events.append(MetricLogged(step=step, loss=loss, lr=1e-3))
        if step % 100 == 0:
            agree = {"agreement": 0.5 + 0.3 * done, "agreement_right": 0.5 + 0.4 * done, "agreement_wrong": 0.5 + 0.14 * done}
            accuracy = min(1.0, max(0.0, 0.5 + (target - 0.5) * done + rng.normal(0, 0.004)))
            events.append(EvaluationLogged(step=step, accuracy=accuracy, **(agree if student else {})))
    return events


def start(run: Run, until: int, ceiling: float = 0.788, broken: int | None = None) -> Run:
    claimed = claims.claim(run.pk, "worker0@lab")
    assert claimed is not None
    opening = [RunStarted(total_steps=STEPS, device="cpu", versions={}), *curve(run, skill(run, ceiling), until, broken=broken)]
    claims.append_events(run.pk, claimed.attempt, [*opening, CheckpointSaved(step=until)])
    return claimed


def finish(run: Run, ceiling: float = 0.788) -> None:
    claimed = start(run, STEPS, ceiling)
    predict(run, skill(run, ceiling))
    claims.append_events(run.pk, claimed.attempt, [ending(skill(run, ceiling), STEPS, 42.0)])


def queued(experiment: Experiment) -> list[Run]:
    place = {part.run_id: part.position for part in experiment.parts.all()}
    return sorted(experiment.runs.filter(status=Status.QUEUED).distinct(), key=lambda run: place[run.pk])


def launched(owner: User, name: str, **changes: object) -> Experiment:
    experiment = services.create(owner, spec(name=name, **changes))
    run_launch.launch(experiment)
    results.refresh_result(experiment)
    return Experiment.objects.get(pk=experiment.pk)


def done(experiment: Experiment, runs: int = 10_000, ceiling: float = 0.788) -> Experiment:
    """Finish this many of the experiment's runs, in the order of its plan."""
    while runs and (waiting := queued(experiment)):
        finish(waiting[0], ceiling)
        runs -= 1
    results.refresh_result(experiment)
    return Experiment.objects.get(pk=experiment.pk)


def running(owner: User) -> Experiment:
    """Two seeds done, the third at work."""
    experiment = done(launched(owner, "Replication on fresh student seeds", seeds=5, data={"split_seed": 1}), runs=8)
    for run in queued(experiment)[:1]:
        start(run, 620)
    return experiment


def failed(owner: User) -> Experiment:
    experiment = launched(owner, "A rate that is too high", seeds=1, weak={"models": ["bag-of-words"], "lr": 5.0})
    claimed = start(queued(experiment)[0], 400, broken=340)
    claims.append_events(claimed.pk, claimed.attempt, [RunFailed(error="The loss is not finite at step 340.", log=AGAIN)])
    return done(experiment)


def stopped(owner: User) -> Experiment:
    experiment = launched(owner, "Stopped early", seeds=2, data={"split_seed": 2})
    run_stop.stop_experiment(experiment, "ada")
    return Experiment.objects.get(pk=experiment.pk)


def restarted(owner: User) -> Experiment:
    """The first run was given back by its worker and trains again."""
    experiment = launched(owner, "A worker went away", seeds=1, data={"split_seed": 3})
    claimed = start(queued(experiment)[0], 500)
    services.give_back(claimed.pk, claimed.attempt)
    again = claims.claim(claimed.pk, "worker1@lab")
    assert again is not None
    resumed = RunStarted(total_steps=STEPS, resumed_from=400, device="cpu", versions={})
    claims.append_events(again.pk, again.attempt, [resumed, *curve(again, skill(again), 700, start=400)])
    return experiment


def finished(owner: User) -> Experiment:
    return done(launched(owner, "Does a probe exceed its bag-of-words teacher?", seeds=5))


def unresolved(owner: User) -> Experiment:
    """Supervisor and ceiling are about as good as each other."""
    return done(launched(owner, "Teacher against a second-layer probe", seeds=3, strong={"models": ["minilm-l2"]}), ceiling=0.664)


def ladder(owner: User) -> Experiment:
    models = {"weak": {"models": ["bag-of-words", "minilm-l1"]}, "strong": {"models": ["minilm-l3", "minilm-l6"]}}
    return done(launched(owner, "Size ladder", seeds=3, **models))


def shown(html: str, switch: str = "section") -> str:
    """The one part of a switch that is not hidden."""
    panels = re.findall(rf'<div class="panel"[^>]*data-panel="{switch}" data-value="(\w+)"\s*([^>]*)>', html)
    panels += re.findall(rf'<div data-panel="{switch}" data-value="(\w+)"\s*([^>]*)>', html)
    (visible,) = [name for name, state in panels if "hidden" not in state]
    return str(visible)


def address(experiment: Experiment) -> str:
    return f"/experiments/{experiment.pk}/"
