"""Large laboratories for benchmarks: experiments of ten runs, copied from a few that went through the record."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import F, Max, Model
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
TIMES = ("created_at", "launched_at", "queued_at", "started_at", "run_started_at", "ended_at", "stopped_at")


class Laboratory:
    """A laboratory that grows to any size; the newest experiments are at work. It goes on with one that is in the database."""

    def __init__(self) -> None:
        if connection.vendor == "sqlite":
            connection.cursor().execute("PRAGMA synchronous = OFF")  # made again, if the machine loses its power
        self.rng = np.random.default_rng(Experiment.objects.count())
        self.people = [User.objects.get_or_create(username=f"person{number:02}")[0] for number in range(PEOPLE)]

    def grow(self, size: int) -> None:
        """Add experiments until there are ``size``; those at work before give way to others."""
        if Experiment.objects.count() >= size:
            return
        self._rest()
        models = [self._like(weak, strong) for weak, strong in MODELS]
        number = Experiment.objects.count()
        while number < size:
            states = self._states(min(BATCH, size - number), size - number)
            with transaction.atomic():
                self._add([models[self.rng.integers(len(models))][state] for state in states], number)
            number += len(states)
        for statement in connection.ops.sequence_reset_sql(no_style(), [Experiment, Run]):
            connection.cursor().execute(statement)

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
        """Delete the experiments at work, so that claims find the runs of those to copy."""
        for experiment in Experiment.objects.filter(state__in=AT_WORK):
            _delete(experiment)

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
            _delete(experiment)
        return made

    def _train(self, last: list[Event]) -> None:
        claimed = claims.claim_next("worker@test")
        assert claimed is not None
        claims.append_events(claimed.pk, claimed.attempt, [*training_events(), *last])

    def _states(self, batch: int, left: int) -> list[str]:
        drawn = self.rng.choice(list(SHARES), batch, p=list(SHARES.values())).tolist()
        at_work = [state for state, number in AT_WORK.items() for _ in range(number)]
        return [*drawn[: batch - len(at_work)], *at_work] if batch == left else drawn

    def _add(self, copies: list["Copied"], number: int) -> None:
        first, run = (1 + (model.objects.aggregate(last=Max("pk"))["last"] or 0) for model in (Experiment, Run))
        experiments, runs, parts, facets = [], [], [], []
        newest = timezone.now() - timedelta(days=200)
        for pk, copied in enumerate(copies, first):
            at = newest + timedelta(minutes=number + pk - first)
            name = " ".join(self.rng.choice(WORDS, 3)) + f" {self.rng.integers(10_000)}"
            owner = self.people[self.rng.integers(PEOPLE)]
            experiments.append(copied.experiment(pk, name, owner.pk, at, float(self.rng.normal(0.5, 0.3))))
            for position, (role, row) in enumerate(copied.runs(run, at)):
                runs.append(row)
                parts.append({"experiment_id": pk, "run_id": row["id"], "role": role, "position": position})
            run += len(copied.roles)
            facets += [{"experiment_id": pk, "facet_id": facet} for facet in copied.facets]
        for model, rows in ((Experiment, experiments), (Run, runs), (Part, parts), (ExperimentFacet, facets)):
            insert(model, rows)


class Copied:
    """An experiment with its runs, as rows to copy: values for the database by column."""

    def __init__(self, experiment: Experiment, settings: ExperimentSpec) -> None:
        experiment.refresh_from_db()
        for name, value in columns_of_spec(settings).items():
            setattr(experiment, name, value)
        parts = list(experiment.parts.select_related("run"))
        self.roles = [part.role for part in parts]
        self.columns, self.columns_of_runs = stored(experiment), [stored(part.run) for part in parts]
        self.facets = [Facet.objects.get(kind=kind, value=value).pk for kind, value in facets_of(settings)]

    def experiment(self, pk: int, name: str, owner: int, at: datetime, pgr: float) -> dict[str, Any]:
        """Return a copy with all its times at ``at``, and with this PGR if it has one."""
        row = _dated(self.columns, at) | {"id": pk, "name": name, "search_name": name.casefold(), "owner_id": owner}
        return row | ({"pgr": pgr} if row["pgr"] is not None else {})

    def runs(self, first: int, at: datetime) -> list[tuple[str, dict[str, Any]]]:
        """Return the roles and copies of the runs with numbers from ``first``, keys of their own, and all times at ``at``."""
        rows = [_dated(row, at) | {"id": pk, "key": f"{pk:064x}"} for pk, row in enumerate(self.columns_of_runs, first)]
        return list(zip(self.roles, rows, strict=True))


def stored(row: Model) -> dict[str, Any]:
    """Return the values of the row as the database takes them, by column."""
    return {
        str(field.column): field.get_db_prep_save(getattr(row, field.attname), connection) for field in row._meta.concrete_fields
    }


def _dated(columns: dict[str, Any], at: datetime) -> dict[str, Any]:
    time = connection.ops.adapt_datetimefield_value(at)
    return {column: time if value is not None and column in TIMES else value for column, value in columns.items()}


def insert(model: type[Model], rows: Iterable[dict[str, Any]]) -> None:
    """Insert the rows by one statement, whose text is made once. All have the same columns."""
    rows = list(rows)
    quote = connection.ops.quote_name
    columns, values = ", ".join(map(quote, rows[0])), ", ".join("%s" for _ in rows[0])
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({values})"
    connection.cursor().executemany(statement, [tuple(row.values()) for row in rows])


def _delete(experiment: Experiment) -> None:
    """Delete the experiment and its runs."""
    runs = list(experiment.runs.values_list("pk", flat=True))
    experiment.delete()
    Run.objects.filter(pk__in=runs).delete()
