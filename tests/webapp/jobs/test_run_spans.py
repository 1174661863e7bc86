"""The spans of runs: one for each attempt, with its phases and its end."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import Progress, RunStarted
from webapp.experiments.models import Part, Run
from webapp.jobs.run_spans import RunSpans

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]


@pytest.fixture
def run(owner: User) -> Run:
    launched(owner)
    run = claims.claim_next("worker0@lab")
    assert run
    return run


def attributes(spans: InMemorySpanExporter) -> Mapping[str, Any]:
    (span,) = spans.get_finished_spans()
    return span.attributes or {}


def test_the_span_of_an_attempt_lasts_from_its_claim_and_has_its_phases(run: Run, ended_spans: InMemorySpanExporter) -> None:
    spans = RunSpans([run], time.monotonic() - 60, with_roles=True)
    for phase, done in (("features", 1), ("features", 2), ("answers", 1)):
        spans.add(run.pk, Progress(phase=phase, done=done, total=2))
    spans.add(run.pk, RunStarted(total_steps=2, device="cpu", versions={}, resumed_from=1))
    assert ended_spans.get_finished_spans() == ()
    spans.end(run.pk, "finished")
    spans.end(run.pk, "finished")
    (span,) = ended_spans.get_finished_spans()
    assert span.start_time
    assert span.end_time
    assert span.end_time - span.start_time >= 60e9
    assert [event.name for event in span.events] == ["features", "answers", "started"]
    assert dict(attributes(ended_spans)) == {
        **{"w2s.run.id": run.pk, "w2s.run.attempt": 1, "w2s.run.model": run.run_spec.model, "w2s.run.role": ("weak",)},
        **{"w2s.worker": "worker0@lab", "w2s.run.device": "cpu", "w2s.run.resumed_from": 1, "w2s.run.state": "finished"},
    }


def test_an_attempt_whose_following_broke_off_is_lost(run: Run, ended_spans: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), RunSpans([run], time.monotonic(), with_roles=True):
        raise RuntimeError
    (span,) = ended_spans.get_finished_spans()
    assert (attributes(ended_spans)["w2s.run.state"], span.status.is_ok) == ("lost", False)


def test_roles_are_read_where_a_worker_has_the_database_and_their_absence_fails_nothing(
    run: Run, ended_spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(Part.objects, "filter", away)
    for with_roles in (True, False):
        with RunSpans([run], time.monotonic(), with_roles):
            pass
        assert "w2s.run.role" not in attributes(ended_spans)
        ended_spans.clear()
