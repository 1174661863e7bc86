"""A real trainer of several runs under a worker: each run has its own stop, and its own end."""

import os
import signal
import threading
from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User
from django.db import connection
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.factories.experiments import launched
from tests.lab import quick
from training import ExperimentSpec
from webapp.artifact_store import artifact_store
from webapp.experiments import queries, run_logs, run_stop, services
from webapp.experiments.models import Event, Run, Status
from webapp.experiments.system_samples import samples_of
from webapp.jobs import following as module
from webapp.jobs import sampler, tasks
from webapp.jobs.following import Following
from webapp.jobs.trainer import Trainer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("called")]


class Followed:
    """Supervisors that were claimed together, followed in a thread."""

    def __init__(self, owner: User, monkeypatch: pytest.MonkeyPatch, epochs: int, seeds: int) -> None:
        bags = {"models": ["bag-of-words"], "epochs": epochs}
        spec = ExperimentSpec.model_validate(quick(weak=bags, strong=bags | {"epochs": 1}, seeds=seeds))
        self.experiment = launched(owner, **spec.model_dump(mode="json", exclude={"name"}))
        self.started, self.trainers = threading.Event(), list[Trainer]()
        self.queries_are_traced = set[bool]()

        class Seen(Trainer):
            def __init__(inner, *arguments: object) -> None:  # noqa: N805
                super().__init__(*arguments)  # type: ignore[arg-type]
                self.trainers.append(inner)

        store = module.Following._add

        def add(following: Following, run: Run, event: object) -> None:
            store(following, run, event)  # type: ignore[arg-type]
            self.queries_are_traced.add(is_instrumentation_enabled())
            if getattr(event, "kind", "") == "metric":
                self.started.set()

        monkeypatch.setattr(module, "Trainer", Seen)
        monkeypatch.setattr(module.Following, "_add", add)
        self.runs = services.claim_together(self._supervisors(), "worker@test")
        assert len(self.runs) == seeds
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _supervisors(self) -> list[int]:
        return list(self.experiment.runs.filter(parts__role="weak").order_by("pk").values_list("pk", flat=True).distinct())

    def _work(self) -> None:
        tasks.work(self.runs)
        connection.close()

    def end(self) -> list[Run]:
        self.thread.join(280)
        assert not self.thread.is_alive()
        return [Run.objects.get(pk=run.pk) for run in self.runs]


def kinds(run: Run) -> list[str]:
    events = queries.events_after(run.pk, 0, 100_000)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return [event["kind"] for event in events]


def statuses(runs: Sequence[Run]) -> list[str]:
    return [run.status for run in runs]


def outcomes(spans: InMemorySpanExporter) -> dict[object, tuple[object, bool]]:
    """The state and the success of each attempt by its run, as its span has them."""
    ended = [(span, span.attributes or {}) for span in spans.get_finished_spans() if span.name == "run"]
    return {about["w2s.run.id"]: (about["w2s.run.state"], span.status.is_ok) for span, about in ended}


def test_runs_of_one_trainer_are_recorded_and_finished_each_for_itself(
    owner: User, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    monkeypatch.setattr(sampler, "FIRST_PAUSE", 0.05)
    published = list[str]()
    monkeypatch.setattr(run_logs, "publish", published.append)
    followed = Followed(owner, monkeypatch, epochs=2, seeds=3)
    runs = followed.end()
    assert sorted(published) == sorted(run.key for run in runs)
    assert statuses(runs) == [Status.FINISHED] * 3
    assert len(followed.trainers) == 1
    for run in runs:
        events = kinds(run)
        assert [events.count(kind) for kind in ("claimed", "started", "finished")] == [1, 1, 1]
        assert events[-1] == "finished"
        assert artifact_store().finished(run.key)
        sample = samples_of(run.pk)[0]
        assert sample["runs"] == 3
        assert sample["memory"] > 0
    assert run_logs.lines(runs[1].key)[-1] == f"Run {runs[0].pk} is trained together with this one; its log has the output."
    followed.experiment.refresh_from_db()
    assert len(followed.experiment.result_runs) == 3, "the result is that of all of them"


def test_a_run_that_is_stopped_leaves_the_others_in_training(
    owner: User, monkeypatch: pytest.MonkeyPatch, ended_spans: InMemorySpanExporter
) -> None:
    followed = Followed(owner, monkeypatch, epochs=400, seeds=2)
    first, second = followed.runs
    assert followed.started.wait(120)
    run_stop.stop_run(Run.objects.get(pk=first.pk), "Ada")
    runs = followed.end()
    assert statuses(runs) == [Status.STOPPED, Status.FINISHED]
    assert kinds(first)[-1] == "stopped"
    stopped = Event.objects.get(run=first, payload__kind="stopped").at
    assert stopped < Event.objects.get(run=second, payload__kind="finished").at
    assert outcomes(ended_spans) == {first.pk: ("stopped", True), second.pk: ("finished", True)}
    assert followed.queries_are_traced == {False}, "they come again as long as a run trains"


def test_a_killed_trainer_costs_each_of_its_runs_one_attempt(
    owner: User, monkeypatch: pytest.MonkeyPatch, ended_spans: InMemorySpanExporter
) -> None:
    followed = Followed(owner, monkeypatch, epochs=1000, seeds=2)
    assert followed.started.wait(120)
    (trainer,) = followed.trainers
    assert trainer.pid
    os.kill(trainer.pid, signal.SIGKILL)
    runs = followed.end()
    assert statuses(runs) == [Status.QUEUED] * 2
    assert [run.losses for run in runs] == [1, 1]
    for run in runs:
        assert kinds(run)[-2:] == ["lost", "queued"]
        assert "killed by signal 9" in Event.objects.get(run=run, payload__kind="lost").payload["cause"]
    assert outcomes(ended_spans) == {run.pk: ("lost", False) for run in runs}
