"""Large laboratories for benchmarks: experiments of ten runs, copied from a few that went through the record."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import F, Max
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import finish_all, spec, training_events
from training import ExperimentSpec
from training.events import Event, RunFailed
from webapp.experiments import run_launch, run_stop, services
from webapp.experiments.list_columns import columns_of_spec, facets_of
from webapp.experiments.listing_models import ExperimentFacet, Facet
from webapp.experiments.models import Experiment, Part, Run, Status
from webapp.organising.models import Project

PEOPLE = 20
METHODS = [{"kind": "naive"}, {"kind": "confidence"}, {"kind": "product"}]
MODELS = [(weak, strong) for weak in ("bag-of-words", "minilm-l1") for strong in ("minilm-l2", "minilm-l4", "minilm-l6")]
WORDS = (
    "Replication",
    "Ladder",
    "Seeds",
    "Probe",
    "Baseline",
    "Overlap",
    "Noise",
    "Warm-up",
    "Reward",
    "Transfer",
    "Ceiling",
    "Limit",
)
SHARES = {"finished": 0.75, "stopped": 0.12, "failed": 0.08, "draft": 0.05}
AT_WORK = {"running": 4, "waiting": 20}
"""Experiments in training and in the queue, at every size."""

BATCH = 1000
TIMES = ("queued_at", "started_at", "ended_at")


class Laboratory:
    """A laboratory that grows to any size; the newest experiments are at work."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.people = [User.objects.get_or_create(username=f"person{number:02}")[0] for number in range(PEOPLE)]
        self.keys = count(Run.objects.aggregate(last=Max("pk"))["last"] or 0)
        self.models = [self._like(weak, strong) for weak, strong in MODELS]
        Experiment._meta.get_field("created_at").auto_now_add = False

    def _like(self, weak: str, strong: str) -> dict[str, "Copied"]:
        """One experiment of these models in each state."""
        made = {}
        for state in (*SHARES, *AT_WORK):
            settings = spec(seeds=2, methods=METHODS, weak={"models": [weak]}, strong={"models": [strong]})
            experiment = services.create(self.people[0], settings)
            if state != "draft":
                run_launch.launch(experiment)
            if state == "finished":
                finish_all(experiment)
            if state == "stopped":
                run_stop.stop_experiment(experiment, "person00")
            if state == "running":
                self._train([])
            while state == "failed" and experiment.runs.filter(status=Status.QUEUED).exists():
                self._train([RunFailed(error="The loss is not finite at step 10.")])
            made[state] = Copied(experiment, settings)
            runs = list(experiment.runs.values_list("pk", flat=True))
            experiment.delete()
            Run.objects.filter(pk__in=runs).delete()
        return made

    def _train(self, last: list[Event]) -> None:
        claimed = claims.claim_next("worker@test")
        assert claimed is not None
        claims.append_events(claimed.pk, claimed.attempt, [*training_events(), *last])

    def grow(self, size: int) -> None:
        """Add experiments until there are ``size``; those at work before become finished ones."""
        self._rest()
        number = Experiment.objects.count()
        while number < size:
            states = self._states(min(BATCH, size - number), size - number)
            self._add(states, number)
            number += len(states)

    def finished(self, number: int) -> list[int]:
        """Return the newest experiments with a result."""
        done = Experiment.objects.filter(state="finished").order_by("-pk")
        return list(done.values_list("pk", flat=True)[:number])

    def project(self) -> int:
        """Return a project that has every fortieth experiment."""
        project, _ = Project.objects.get_or_create(name="Every fortieth", defaults={"owner": self.people[0]})
        numbered = Experiment.objects.filter(project=None).annotate(rest=F("pk") % 40)
        numbered.filter(rest=0).update(project=project)
        return project.pk

    def _rest(self) -> None:
        at_work = Experiment.objects.filter(state__in=AT_WORK)
        Part.objects.filter(experiment__in=at_work).delete()
        at_work.delete()
        Run.objects.filter(parts=None).delete()

    def _states(self, batch: int, left: int) -> list[str]:
        drawn = self.rng.choice(list(SHARES), batch, p=list(SHARES.values())).tolist()
        at_work = [state for state, number in AT_WORK.items() for _ in range(number)]
        return [*drawn[: batch - len(at_work)], *at_work] if batch == left else drawn

    def _add(self, states: list[str], number: int) -> None:
        copies = [self.models[self.rng.integers(len(MODELS))][state] for state in states]
        newest = timezone.now() - timedelta(days=200)
        rows = [self._row(copied, newest + timedelta(minutes=number + index)) for index, copied in enumerate(copies)]
        experiments = Experiment.objects.bulk_create(rows, batch_size=BATCH)
        pairs = list(zip(experiments, copies, strict=True))
        made = [run for row, copied in pairs for run in copied.runs(self.keys, row.created_at)]
        runs = Run.objects.bulk_create(made, batch_size=BATCH)
        places = [(row, at, role) for row, copied in pairs for at, role in enumerate(copied.roles)]
        parts = [Part(experiment=row, run=run, role=role, position=at) for (row, at, role), run in zip(places, runs, strict=True)]
        Part.objects.bulk_create(parts, batch_size=BATCH)
        ExperimentFacet.objects.bulk_create(
            [ExperimentFacet(experiment=row, facet=facet) for row, copied in pairs for facet in copied.facets], batch_size=BATCH
        )

    def _row(self, copied: "Copied", at: datetime) -> Experiment:
        name = " ".join(self.rng.choice(WORDS, 3)) + f" {self.rng.integers(10_000)}"
        columns = copied.columns | {"name": name, "search_name": name.casefold()}
        for column in ("launched_at", "ended_at", "stopped_at", "run_started_at"):
            columns[column] = columns[column] and at
        if columns["pgr"] is not None:
            columns["pgr"] = float(self.rng.normal(0.5, 0.3))
        return Experiment(owner=self.people[self.rng.integers(PEOPLE)], created_at=at, **columns)


class Copied:
    """An experiment with its runs, as rows to copy."""

    def __init__(self, experiment: Experiment, settings: ExperimentSpec) -> None:
        experiment.refresh_from_db()
        skipped = {"id", "owner", "parent", "created_at", "facets", "runs"}
        self.columns: dict[str, Any] = {
            field.name: getattr(experiment, field.name) for field in Experiment._meta.concrete_fields if field.name not in skipped
        }
        self.columns |= columns_of_spec(settings)
        parts = list(experiment.parts.select_related("run"))
        self.roles = [part.role for part in parts]
        names = [field.attname for field in Run._meta.concrete_fields if field.name not in ("id", "key")]
        self.stored = [{name: getattr(part.run, name) for name in names} for part in parts]
        self.facets = [Facet.objects.get(kind=kind, value=value) for kind, value in facets_of(settings)]

    def runs(self, keys: Iterator[int], at: datetime) -> list[Run]:
        """Return copies of the runs under new keys, with all their times at ``at``."""
        times = [{name: stored[name] and at for name in TIMES} for stored in self.stored]
        return [Run(key=f"{next(keys):064x}", **stored | then) for stored, then in zip(self.stored, times, strict=True)]
