"""Random histories of experiments: everything that may happen to them and to the runs that they share, in any order."""

from datetime import timedelta

import numpy as np
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import ending, finish, save_predictions, spec
from training import Triplet
from training.events import CheckpointSaved, EvaluationLogged, EventRecord, MetricLogged, RunFailed, RunStarted, RunStopped
from training.events import Event as RunEvent
from training.metrics.results import Result
from training.storage.archive import Archive
from training.storage.checksums import DamagedArtifact
from webapp.experiments import archive_adoption, damage, dependents, lifecycle, results, run_launch, run_stop, services
from webapp.experiments.models import ACTIVE, LEASED, Event, Experiment, Run, Status, Transition

SKILLS = {"weak": 0.6, "student": 0.75, "ceiling": 0.9}
METHODS = ({"kind": "naive"}, {"kind": "confidence"})


def skill(run: Run) -> float:
    part = run.parts.first()
    return SKILLS[part.role] if part else 0.7


class History:
    """One history, drawn by its seed."""

    def __init__(self, owner: User, seed: int) -> None:
        self.owner, self.rng = owner, np.random.default_rng(seed)
        own = (self.create, self.launch, self.launch_partly, self.go_on, self.stop, self.stop_partly, self.delete, self.rename)
        runs = (self.claim, self.train, self.train, self.finish, self.fail, self.stop_run, self.end_stopped, self.end_stopped)
        lost = (self.give_back, self.take_back, self.damage, self.cut, self.cut)
        self.happens = (*own, *runs, *runs, *lost, self.complete, self.complete, self.adopt, self.refresh, self.note_error)

    def go(self, events: int) -> None:
        self.create()
        self.launch()
        for _ in range(events):
            self.happens[self.rng.integers(len(self.happens))]()

    def experiment(self, **chosen: object) -> Experiment | None:
        pks = list(Experiment.objects.filter(**chosen).order_by("pk").values_list("pk", flat=True))
        return Experiment.objects.get(pk=self.rng.choice(pks)) if pks else None

    def run(self, *statuses: str) -> Run | None:
        pks = list(Run.objects.filter(status__in=statuses).order_by("pk").values_list("pk", flat=True))
        return Run.objects.get(pk=self.rng.choice(pks)) if pks else None

    def create(self) -> None:
        methods = METHODS[: self.rng.integers(1, 3)]
        seeds, split = int(self.rng.integers(1, 3)), int(self.rng.integers(2))
        drawn = spec(name=f"Number {self.rng.integers(99)}", methods=methods, seeds=seeds, data={"split_seed": split})
        services.create(self.owner, drawn)

    def launch(self) -> None:
        if experiment := self.experiment(transition=""):
            run_launch.launch(experiment)
            results.refresh_result(experiment)

    def launch_partly(self) -> None:
        if experiment := self.experiment(transition=""):
            run_launch.begin(experiment)
            if self.rng.integers(2):
                run_launch.go_on(experiment.pk, 0)

    def go_on(self) -> None:
        if experiment := self.experiment(transition=Transition.LAUNCHING):
            run_launch.go_on(experiment.pk)
        if experiment := self.experiment(transition=Transition.STOPPING):
            run_stop.go_on(experiment.pk)

    def stop(self) -> None:
        if experiment := self.experiment(launched_at__isnull=False, transition=""):
            run_stop.stop_experiment(experiment, "ada", evaluate=bool(self.rng.integers(2)))

    def stop_partly(self) -> None:
        if experiment := self.experiment(launched_at__isnull=False):
            run_stop.begin(experiment, "ada", evaluate=bool(self.rng.integers(2)))
            if self.rng.integers(2):
                run_stop.go_on(experiment.pk, 0)

    def stop_run(self) -> None:
        if run := self.run(*ACTIVE):
            run_stop.stop_run(run, "ada")

    def cut(self) -> None:
        """An experiment is stopped, and its runs in training are evaluated at their last checkpoint."""
        self.claim()
        self.claim()
        experiment = self.experiment(runs__status=Status.RUNNING, stopped_at=None, transition="")
        if experiment is None:
            return
        at_work = list(experiment.runs.filter(status=Status.RUNNING).distinct())
        for run in at_work:
            claims.append_events(run.pk, run.attempt, [MetricLogged(step=40, loss=0.5, lr=1e-3), CheckpointSaved(step=40)])
        run_stop.stop_experiment(experiment, "ada", evaluate=True)
        for run in at_work:
            claims.append_events(run.pk, run.attempt, [RunStopped(step=40)])

    def delete(self) -> None:
        experiment = self.experiment()
        if experiment and self.rng.random() < 0.3:
            try:
                lifecycle.delete(experiment)
            except lifecycle.AtWork:
                return

    def claim(self) -> None:
        if run := self.run(Status.QUEUED):
            claimed = claims.claim(run.pk, "worker@test")
            assert claimed is not None
            claims.append_events(run.pk, claimed.attempt, [RunStarted(total_steps=230, device="cpu", versions={})])

    def train(self) -> None:
        if run := self.run(Status.RUNNING):
            step = run.step + int(self.rng.integers(1, 50))
            metric, evaluation = MetricLogged(step=step, loss=0.5, lr=1e-3), EvaluationLogged(step=step, accuracy=0.7)
            said: list[RunEvent] = [metric, evaluation, CheckpointSaved(step=step)]
            claims.append_events(run.pk, run.attempt, said[: self.rng.integers(1, 4)])

    def finish(self) -> None:
        if run := self.run(Status.RUNNING):
            save_predictions(run, skill(run))
            claims.append_events(run.pk, run.attempt, [ending(step=230)])

    def complete(self) -> None:
        """All that is left of an experiment is trained, and its result stored."""
        experiment = self.experiment(launched_at__isnull=False, stopped_at=None, transition="")
        while experiment and (run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first()):
            finish(run, skill(run))
        if experiment:
            results.refresh_result(experiment)

    def fail(self) -> None:
        if run := self.run(*LEASED):
            claims.append_events(run.pk, run.attempt, [RunFailed(error="The loss is not finite.")])

    def end_stopped(self) -> None:
        if run := self.run(Status.STOPPING):
            claims.append_events(run.pk, run.attempt, [RunStopped(step=run.step)])

    def give_back(self) -> None:
        if run := self.run(*LEASED):
            services.give_back(run.pk, run.attempt)

    def take_back(self) -> None:
        if run := self.run(*LEASED):
            Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
            services.take_back(run.pk)

    def damage(self) -> None:
        run = self.run(Status.FINISHED)
        if run and self.rng.random() < 0.3:
            damage._train_again(run.pk, run.last_seq, DamagedArtifact(run.key, "predictions.parquet", "It has other bytes."))

    def adopt(self) -> None:
        """Import what could be the archive of an experiment that has ended; half of its finished runs are known to be equal."""
        experiment = self.experiment(ended_at__isnull=False, transition="")
        if experiment is None or experiment.runs.filter(status__in=ACTIVE).exists():
            return
        runs = {run.key: run for run in experiment.runs.order_by("pk")}
        named = {triplet[role] for triplet in experiment.triplets for role in ("weak", "student", "ceiling")}
        if not runs.keys() >= named.union(*(run.run_spec.needs for run in runs.values())):
            return  # stopped while it was launched
        archive = Archive(
            number=experiment.pk,
            name=f"Imported {experiment.name}",
            launched_at=experiment.launched_at,
            ended_at=experiment.ended_at,
            spec=experiment.spec,
            triplets=[Triplet(**triplet) for triplet in experiment.triplets],
            result=experiment.result and Result.model_validate(experiment.result),
            versions={},
            datasets={},
        )
        ours = [key for key, run in runs.items() if run.status == Status.FINISHED and self.rng.random() < 0.5]
        content = f"{self.rng.integers(2**62):064x}"
        specs = {key: run.run_spec for key, run in runs.items()}
        archive_adoption.adopt(self.owner, archive, content, specs, ours, lambda key: _records(runs[key]))

    def refresh(self) -> None:
        if experiment := self.experiment(launched_at__isnull=False):
            results.refresh_result(experiment)

    def note_error(self) -> None:
        experiment = self.experiment()
        if experiment and self.rng.random() < 0.3:
            dependents.note_result_error(experiment.pk, "ValueError.")

    def rename(self) -> None:
        if experiment := self.experiment():
            lifecycle.rename(experiment, f"Größe {self.rng.integers(99)}")


def _records(run: Run) -> list[EventRecord]:
    rows = Event.objects.filter(run=run).order_by("seq")
    return [EventRecord(seq=row.seq, attempt=row.attempt, at=row.at, event=row.payload) for row in rows]
