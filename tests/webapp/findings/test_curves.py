"""The rows of curves are made from the stored events, by the same table of metrics as those of the live page."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import EvaluationLogged, Event, Extremes, MetricLogged, RunStarted
from webapp.charts import metrics
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.findings.curves import Row, curves
from webapp.findings.pairs import PairLanes, pairs_of

pytestmark = pytest.mark.django_db

EVENTS: list[Event] = [
    RunStarted(total_steps=20, device="cpu", versions={}),
    MetricLogged(step=10, loss=None, lr=1e-3),
    EvaluationLogged(step=10, accuracy=0.7, validation_accuracy=0.65),
    MetricLogged(step=20, loss=0.5, lr=1e-3),
]


@pytest.fixture
def experiment(owner: User) -> Experiment:
    """Return an experiment whose first run is training."""
    experiment = launched(owner)
    run = experiment.runs.filter(status="queued").order_by("pk").first()
    assert run
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed
    claims.append_events(run.pk, claimed.attempt, EVENTS)
    return experiment


def rows_of(experiment: Experiment) -> list[Row]:
    spec = experiment.experiment_spec
    return list(curves(PairLanes(spec, pairs_of(spec)[0], experiment.triplets, list(queries.parts(experiment)))))


def test_each_finite_value_is_a_row_with_its_series_and_length(experiment: Experiment) -> None:
    rows = rows_of(experiment)
    assert [(row["step"], row["metric"], row["value"]) for row in rows] == [(10, "accuracy", 0.7), (20, "loss", 0.5)]
    assert {(row["series"], row["role"], row["seed"], row["total"]) for row in rows} == {("weak", "weak", 0, 20)}


def test_a_row_has_the_extremes_of_its_steps_and_what_had_been_read(experiment: Experiment) -> None:
    run = experiment.runs.get(status="running")
    extremes = Extremes(least=0.25, least_step=11, greatest=2.5, greatest_step=17)
    claims.append_events(run.pk, run.attempt, [MetricLogged(step=20, loss=0.5, lr=1e-3, extremes=extremes, examples=640)])
    before, after = [row for row in rows_of(experiment) if row["metric"] == "loss"]
    named = ("least", "least_step", "greatest", "greatest_step", "examples", "tokens")
    assert [before[name] for name in named] == [None] * 6
    assert [after[name] for name in named] == [0.25, 11, 2.5, 17, 640, None]


def test_an_added_metric_is_drawn_from_the_record(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    added = replace(metrics.METRICS[0], name="held_out", field="validation_accuracy")
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, added))
    assert ("held_out", 0.65) in [(row["metric"], row["value"]) for row in rows_of(experiment)]
