"""A metric that is added to webapp/charts/metrics.py is drawn as its events arrive, without a change of the scripts."""

from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from tests.factories.curve_pages import CurvePage
from webapp.charts import metrics
from webapp.charts.live import Series

EVENTS = [
    {"seq": 1, "kind": "started", "total_steps": 20, "resumed_from": 0},
    {"seq": 2, "kind": "metric", "step": 10, "loss": None, "lr": 0.001},
    {"seq": 3, "kind": "evaluation", "step": 10, "accuracy": 0.7, "validation_accuracy": 0.65},
    {"seq": 4, "kind": "metric", "step": 20, "loss": 0.5, "lr": 0.001},
]


def test_an_added_metric_is_drawn_live(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    added = replace(metrics.METRICS[0], name="held_out", field="validation_accuracy", title="Validation accuracy")
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, added))
    runs = {7: {"series": "run", "seed": 0, "title": "This run"}}
    opened = CurvePage(browser, [Series("run", "ceiling", "A run with another panel", 20)], runs)
    opened.send({7: EVENTS})
    assert opened.points(metric="accuracy") == [(10, 0.7)]
    assert opened.points(metric="held_out") == [(10, 0.65)]
    assert opened.points(metric="loss") == [(20, 0.5)]
    expect(opened.page.locator("#live-chart-note")).to_have_text("This run: first non-finite value of the loss at step 10.")
    opened.close()
