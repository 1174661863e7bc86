"""The curves of a run in bins, as its events tell: read once and continued, without what a later attempt made void."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.experiments import launched
from tests.factories.runs import Recording
from training import Store, execute
from training.engine.errors import Diverged
from training.events import valid_measurements
from webapp.experiments.models import Event, Run
from webapp.findings import run_curves
from webapp.findings.run_curves import between, binned, wired

pytestmark = pytest.mark.django_db

BEGUN = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def run(owner: User) -> Run:
    run = launched(owner).runs.first()
    assert run
    return run


def store(run: Run, payloads: Sequence[dict[str, Any]]) -> None:
    """Store events as the record does: numbered without gaps, here one a second."""
    last = run.last_seq
    numbered = list(enumerate(payloads, last + 1))
    Event.objects.bulk_create(
        Event(run=run, seq=seq, attempt=1, payload=payload, at=BEGUN + timedelta(seconds=seq)) for seq, payload in numbered
    )
    run.last_seq = numbered[-1][0]
    run.save(update_fields=["last_seq"])


def started(total: int, resumed_from: int = 0) -> dict[str, Any]:
    return {"kind": "started", "total_steps": total, "resumed_from": resumed_from, "device": "cpu", "versions": {}}


def loss(step: int, value: float | None) -> dict[str, Any]:
    return {"kind": "metric", "step": step, "loss": value, "lr": 0.1}


def read(run: Run) -> dict[str, Any]:
    return binned([run])[run.pk]


def test_a_run_without_events_has_no_curves(run: Run) -> None:
    run.last_seq = 0
    run.events.all().delete()
    run.save()
    assert read(run) == {"seq": 0, "total": 0, "start": 0, "width": 1, "curves": {}, "axes": {}}


def test_points_have_their_values_and_the_time_since_the_start(run: Run) -> None:
    store(run, [started(20), loss(10, 0.5), loss(20, None), {"kind": "evaluation", "step": 20, "accuracy": 0.75}])
    answer = read(run)
    assert answer["curves"]["loss"] == {"bins": [[10, 0.5, 1000]], "bad": [(20, "", 2000)]}
    assert answer["curves"]["accuracy"]["bins"] == [[20, 0.75, 3000]]
    assert (answer["seq"], answer["total"]) == (run.last_seq, 20)
    assert answer["start"] == (BEGUN + timedelta(seconds=run.last_seq - 3)).timestamp() * 1000


def test_extremes_of_steps_and_what_was_read_are_there_where_events_have_them(run: Run) -> None:
    extremes = {"least": 0.25, "least_step": 13, "greatest": 9.5, "greatest_step": 17}
    store(run, [started(30), loss(10, 0.5), loss(20, 0.75) | {"extremes": extremes, "examples": 640, "tokens": 9000}])
    answer = read(run)
    assert answer["curves"]["loss"]["bins"] == [[10, 0.5, 1000], [20, 0.75, 2000, 13, 0.25, 17, 9.5]]
    assert answer["axes"]["tokens"]["bins"] == [[20, 9000, 2000]]
    assert answer["axes"]["examples"]["bins"] == [[20, 640, 2000]]
    assert between([run], 0, 30)[run.pk]["curves"]["loss"] == answer["curves"]["loss"]
    store(run, [started(30, resumed_from=10), loss(20, 0.75)])
    assert read(run)["axes"] == {}, "the attempt that counted is void"


def test_a_run_that_diverged_has_a_mark_at_the_step_at_which_it_failed(run: Run, tmp_path: Path) -> None:
    recording = Recording()
    with pytest.raises(Diverged) as failure:
        execute(run.run_spec.model_copy(update={"limit": 64, "lr": 1e37}), Store(tmp_path), recording.emit, lambda: False)
    store(run, [event.model_dump(mode="json") for event in recording.events])
    last = recording.of("metric")[-1]
    ((step, value, _),) = read(run)["curves"]["loss"]["bad"]
    assert (step, value) == (last.step, last.nonfinite)
    assert value in ("nan", "inf")
    assert f"at step {step}:" in str(failure.value)


def test_a_second_look_reads_only_what_is_new(run: Run) -> None:
    store(run, [started(10_000), *(loss(step, 1.0) for step in range(300))])
    first = read(run)
    with CaptureQueriesContext(
        connection,
    ) as nothing_new:
        assert read(run) == first
    assert len(nothing_new) == 1
    store(run, [loss(300, 7.0)])
    with CaptureQueriesContext(connection) as with_new:
        assert read(run)["curves"]["loss"]["bins"][-1][-2] == 7.0
    assert len(with_new) == 4  # the number of the newest event, its starts, its measurements, and their end
    assert not [query for query in with_new if "seq" in query["sql"] and '"seq" > 0' in query["sql"]]


@pytest.mark.parametrize("seed", range(3))
def test_however_attempts_and_looks_follow_the_points_are_the_valid_ones(run: Run, seed: int) -> None:
    draw, total, step, events = random.Random(seed), 1200, 0, [started(1200)]
    while step < total:
        if draw.random() < 0.004:
            step = draw.randint(0, step)
            events.append(started(total, step))
        step += 1
        events.append(loss(step, draw.gauss(0, 1)))
    while events:
        cut = draw.randint(1, len(events))
        store(run, events[:cut])
        events = events[cut:]
        answer = read(run)
    valid = valid_measurements(run.events.filter(payload__kind__in=["started", "metric"]).values_list("payload", flat=True))
    expected: dict[int, list[dict[str, Any]]] = {}
    for event in valid:
        expected.setdefault(event["step"] // answer["width"], []).append(event)
    bins = answer["curves"]["loss"]["bins"]
    assert [each[1] if len(each) > 3 else 1 for each in bins] == [len(points) for points in expected.values()]
    lowest = [min(points, key=lambda point: point["loss"]) for points in expected.values()]
    assert [(each[3], each[4]) for each in bins if len(each) > 3] == [
        (point["step"], point["loss"]) for point, each in zip(lowest, bins, strict=True) if len(each) > 3
    ]


def test_a_range_is_told_in_narrower_bins_and_without_void_points(run: Run) -> None:
    total = 2000
    points = [loss(step, float(step % 13)) for step in range(1500)]
    again = [loss(step, float(step % 13)) for step in range(1251, total)]
    store(run, [started(total), *points, started(total, 1250), *again])
    assert read(run)["width"] == 4
    answer = between([run], 1200, 1300)[run.pk]
    assert answer["width"] == 1
    assert [each[:2] for each in answer["curves"]["loss"]["bins"]] == [[step, step % 13] for step in range(1200, 1301)]
    assert between([run], 9000, 9999)[run.pk]["curves"] == {}


def test_the_curves_of_many_runs_are_no_larger_than_those_of_few(run: Run) -> None:
    store(run, [started(100_000), *(loss(step, 1.5) for step in range(0, 100_000, 50))])
    alone = wired({run.pk: {}}, [run])
    among = wired({run.pk: {}}, [run] * 200)
    assert len(alone["curves"][run.pk]["curves"]["loss"]["bins"]) == 391
    assert len(among["curves"][run.pk]["curves"]["loss"]["bins"]) == 49
    assert (alone["most"], among["most"]) == (512, 64)
    assert len(json.dumps(alone["curves"])) < 40_000


def test_a_process_keeps_the_runs_that_were_read_last(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_curves, "CACHE", run_curves.RunCurvesCache(150))
    runs = list(launched(owner).runs.all()[:3])
    for run in runs:
        store(run, [started(100), *(loss(step, 1.0) for step in range(100))])
        read(run)
    sizes = [run_curves.CACHE.of(run).size for run in runs]
    assert sizes == [0, 0, 100]
