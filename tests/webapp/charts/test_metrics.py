"""One table of metrics decides what the chart, the page's script, the record and the sockets of shares read from events."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from webapp.charts import metrics
from webapp.charts.live import Series, live_chart

ADDED = replace(metrics.METRICS[0], name="held_out", field="validation_accuracy", title="Validation accuracy")


def test_finite_numbers_of_an_event_are_values_by_the_name_of_their_metric() -> None:
    event = {"kind": "metric", "step": 10, "loss": 0.5, "confidence_weight": 0.25, "threshold": None, "lr": 1e-3}
    assert metrics.values(event) == {"loss": 0.5, "weight": 0.25}
    assert metrics.values({"kind": "metric", "step": 10, "loss": math.nan, "lr": 1e-3}) == {}
    assert metrics.values({"kind": "checkpoint", "step": 10}) == {}


def test_a_value_that_is_not_finite_has_the_name_that_its_event_gives_and_sockets_send_it() -> None:
    event = {"kind": "metric", "step": 10, "loss": None, "nonfinite": "-inf", "lr": 1e-3}
    assert metrics.measured(event) == {"loss": "-inf"}
    assert "nonfinite" in metrics.fields("metric")
    assert "nonfinite" not in metrics.fields("evaluation")


def test_extremes_and_what_a_run_has_read_are_sent_by_sockets_and_read_by_scripts_where_an_event_has_them() -> None:
    extremes = {"least": 0.25, "least_step": 3, "greatest": 2.5, "greatest_step": 7}
    event = {"kind": "metric", "step": 10, "loss": 0.5, "lr": 1e-3, "extremes": extremes, "examples": 320, "tokens": None}
    assert metrics.extremes(event) == {"loss": (0.25, 3, 2.5, 7)}
    assert metrics.axes(event) == {"examples": 320}
    older = {"kind": "metric", "step": 10, "loss": 0.5, "lr": 1e-3}
    assert (metrics.extremes(older), metrics.axes(older)) == ({}, {})
    assert {"extremes", "examples", "tokens"} <= {*metrics.fields("metric")}
    assert [each["extremes"] for each in metrics.for_scripts()["metric"] if each.get("metric") == "loss"] == ["extremes"]
    assert {"axis": "tokens"} in metrics.for_scripts()["metric"]


def test_an_added_metric_has_a_panel_and_is_read_by_scripts_and_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, ADDED))
    panels = live_chart([Series("run", "ceiling", "With another panel", 10)], 10)["vconcat"]
    assert panels[-1]["title"]["text"] == "Validation accuracy"
    read = {"metric": "held_out", "field": "validation_accuracy", "expected": False, "extremes": ""}
    assert read in metrics.for_scripts()["evaluation"]
    assert metrics.fields("evaluation")[-1] == "validation_accuracy"
    assert metrics.values({"kind": "evaluation", "validation_accuracy": 0.75}) == {"held_out": 0.75}


def test_a_line_of_a_subtitle_fits_a_phone() -> None:
    own = tuple(metric.name for metric in metrics.METRICS if metric.drawn_for == "some runs")
    panels = live_chart([Series("m", "student", "Student", 10, own=own)], 10, seeds=3)["vconcat"]
    assert len(panels) == len(metrics.METRICS)
    assert max(len(line) for panel in panels for line in panel["title"]["subtitle"]) <= 55


def test_scripts_name_no_metric() -> None:
    scripts = Path(__file__).parents[3] / "static" / "js"
    names = {name for metric in metrics.METRICS for name in (metric.name, metric.field)}
    for script in ("live.js", "charts.js", "hover.js"):
        code = (scripts / script).read_text()
        assert not [name for name in names if f'"{name}"' in code or f"event.{name}" in code], script
