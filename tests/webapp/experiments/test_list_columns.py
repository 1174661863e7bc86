"""Columns of lists: they equal a recount after any history, and what changes them is one transaction with them."""

from collections import Counter
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import finish_all, launched, training_events
from tests.factories.histories import History
from training.events import EVENT, MetricLogged, RunQueued, RunStarted
from training.metrics.results import Result
from training.spec import upgrade
from webapp.experiments import lifecycle, services, transitions
from webapp.experiments.bulk import append, lock
from webapp.experiments.changes import changing
from webapp.experiments.fold import fold, state_of
from webapp.experiments.listing_models import COUNTS, ListRevision
from webapp.experiments.models import ACTIVE, Event, Experiment, Run, Status


def folded(run: Run) -> Run:
    """The run as its events alone make it."""
    fresh = Run(pk=run.pk)
    for event in Event.objects.filter(run=run).order_by("seq"):
        fold(fresh, EVENT.validate_python(event.payload), event.at)
    return fresh


def recounted(experiment: Experiment) -> dict[str, object]:
    runs = [folded(run) for run in Run.objects.filter(parts__experiment=experiment).distinct()]
    counts = Counter(run.status for run in runs)
    return {
        **{name: counts[name.removeprefix("runs_")] for name in COUNTS},
        "percents": sum(int(100 * run.fraction + 1e-9) for run in runs),
        "run_started_at": max((run.started_at for run in runs if run.started_at), default=None),
    }


def described(experiment: Experiment) -> dict[str, object]:
    """The columns that follow from specification and result."""
    said = upgrade(experiment.spec)
    groups = Result.model_validate(experiment.result).groups if experiment.result else ()
    first = [group for group in groups if (group.weak_model, group.strong_model) == (said.weak.models[0], said.strong.models[0])]
    valued = [group for group in first if group.pgr]
    pgr = valued[0].pgr if valued else None
    return {
        "search_name": experiment.name.casefold(),
        "dataset": said.data.name,
        "weak_model": said.weak.models[0],
        "strong_model": said.strong.models[0],
        "seeds": said.seeds,
        "methods": ",".join(method.kind for method in said.methods),
        "pgr": pgr and pgr.value,
        "pgr_low": pgr and pgr.low,
        "pgr_high": pgr and pgr.high,
        "pgr_state": (valued or first)[0].state if first else "",
    }


def facets(experiment: Experiment) -> set[tuple[str, str]]:
    return set(experiment.facets.values_list("kind", "value"))


def is_right(experiment: Experiment) -> None:
    expected = recounted(experiment) | described(experiment)
    assert {name: getattr(experiment, name) for name in expected} == expected
    assert experiment.state == state_of(experiment)
    said = upgrade(experiment.spec)
    models = {("model", model) for model in (*said.weak.models, *said.strong.models)}
    assert facets(experiment) == {("dataset", said.data.name), *models, *(("method", method.kind) for method in said.methods)}
    at_rest = not experiment.runs.filter(status__in=ACTIVE).exists()
    if experiment.launched_at and at_rest and experiment.transition != "launching":
        assert experiment.ended_at is not None


@pytest.mark.parametrize("seed", range(3))
def test_columns_equal_a_recount_from_runs_and_events_after_any_history(
    owner: User, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(transitions, "CHUNK", 2)
    monkeypatch.setattr(transitions, "PAUSE_SECONDS", 0.0)
    history = History(owner, seed)
    for _ in range(8):
        history.go(12)
        for experiment in Experiment.objects.all():
            is_right(experiment)


def test_the_columns_of_experiments_from_an_earlier_version_are_filled(owner: User) -> None:
    finish_all(launched(owner))
    running = launched(owner, seeds=3, data={"split_seed": 1})
    claimed = claims.claim_next("worker@test")
    assert claimed is not None
    claims.append_events(claimed.pk, claimed.attempt, training_events()[:2])
    damaged = launched(owner, data={"split_seed": 2})
    Experiment.objects.filter(pk=damaged.pk).update(spec={"data": 7})
    names = (*COUNTS, "percents", "run_started_at", "state", "search_name", "dataset", "methods", "pgr", "pgr_low", "pgr_state")
    before = list(Experiment.objects.exclude(pk=damaged.pk).values(*names))
    plain = {field.name: field.default for field in Experiment._meta.fields if field.name in names and field.has_default()}
    Experiment.objects.update(**plain, run_started_at=None, pgr=None, pgr_low=None)
    Experiment.facets.through.objects.all().delete()
    import_module("webapp.experiments.migrations.0012_list_columns").fill(apps, None)
    assert list(Experiment.objects.exclude(pk=damaged.pk).values(*names)) == before
    is_right(Experiment.objects.get(pk=running.pk))
    assert Experiment.objects.get(pk=damaged.pk).state == "waiting"


def test_runs_change_only_where_the_columns_follow(owner: User) -> None:
    run, *_ = lock(launched(owner).runs.filter(status=Status.QUEUED))
    with pytest.raises(RuntimeError, match="changing"):
        append([(run, [RunQueued()])])


@changing()
def train_to(run: Run, step: int, *, undone: bool = False) -> None:
    (locked,) = lock(Run.objects.filter(pk=run.pk))
    append([(locked, [RunStarted(total_steps=10, device="cpu", versions={}), MetricLogged(step=step, loss=1.0, lr=1.0)])])
    if undone:
        raise ZeroDivisionError


def test_a_part_of_a_transaction_that_is_undone_changes_no_column(owner: User) -> None:
    experiment = launched(owner)
    first, second = experiment.runs.filter(status=Status.QUEUED).order_by("pk")[:2]
    with changing():
        train_to(first, 5)
        with pytest.raises(ZeroDivisionError):
            train_to(second, 7, undone=True)
    experiment.refresh_from_db()
    assert experiment.percents == 50
    is_right(experiment)


def test_numbers_of_runs_that_cannot_be_are_counted_anew(owner: User) -> None:
    experiment = launched(owner)
    Experiment.objects.filter(pk=experiment.pk).update(runs_queued=0, runs_failed=9)
    claims.claim_next("worker@test")
    is_right(Experiment.objects.get(pk=experiment.pk))


def number() -> int:
    return ListRevision.objects.get(pk=1).number


def test_the_number_of_the_lists_grows_with_every_change_that_they_show_and_no_other(owner: User) -> None:
    experiment = launched(owner)
    numbers = [number()]
    claimed = claims.claim_next("worker@test")
    assert claimed is not None
    numbers.append(number())
    claims.append_events(claimed.pk, claimed.attempt, [RunStarted(total_steps=1000, device="cpu", versions={})])
    claims.append_events(claimed.pk, claimed.attempt, [MetricLogged(step=19, loss=1.0, lr=1.0)])
    numbers.append(number())
    claims.append_events(claimed.pk, claimed.attempt, [MetricLogged(step=step, loss=1.0, lr=1.0) for step in range(11, 20)])
    assert number() == numbers[-1]  # it is the same percent
    lifecycle.rename(experiment, "Another name")
    numbers.append(number())
    other = services.create(owner, experiment.experiment_spec)
    numbers.append(number())
    lifecycle.delete(other)
    numbers.append(number())
    assert numbers == sorted(set(numbers))
