"""A metric that is added to webapp/charts/metrics.py is drawn as its events arrive, without a change of the scripts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from webapp.charts import metrics
from webapp.charts.live import Series, live_chart

STATIC = Path(__file__).parents[2] / "static"
SCRIPTS = (
    "vendor/vega.min",
    "vendor/vega-lite.min",
    "vendor/vega-embed.min",
    "js/bins",
    "js/curves",
    "js/curve_spec",
    "js/hover",
    "js/charts",
    "js/live",
)
HOST = "http://lab.test"

SOCKET = """
window.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor() { window.socket = this; setTimeout(() => this.onopen(), 0); }
  send() {}
  close() {}
};
"""
"""A socket in the place of the laboratory's: the test sends its frames."""

PAGE = """<!doctype html>
<meta charset="utf-8">
<body>
<p id="reconnecting" hidden><span data-text></span><button data-try></button></p>
<div id="live-chart" style="width: 800px"></div>
<p id="live-chart-note" hidden></p>
<script type="application/json" data-chart="live-chart">{chart}</script>
<script type="application/json" id="wire">{wire}</script>
{scripts}
"""

EVENTS = [
    {"seq": 1, "kind": "started", "total_steps": 20, "resumed_from": 0},
    {"seq": 2, "kind": "metric", "step": 10, "loss": None, "lr": 0.001},
    {"seq": 3, "kind": "evaluation", "step": 10, "accuracy": 0.7, "validation_accuracy": 0.65},
    {"seq": 4, "kind": "metric", "step": 20, "loss": 0.5, "lr": 0.001},
]


def test_an_added_metric_is_drawn_live(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    added = replace(metrics.METRICS[0], name="held_out", field="validation_accuracy", title="Validation accuracy")
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, added))
    wire = {
        "experiment": 1,
        "chart": "live-chart",
        "metrics": metrics.for_scripts(),
        "runs": {7: {"series": "run", "seed": 0, "title": "This run"}},
        "curves": {},
        "most": 512,
    }
    scripts = "".join(f'<script src="/{name}.js" defer></script>' for name in SCRIPTS)
    chart = live_chart([Series("run", "ceiling", "A run with another panel", 20)], 20)
    html = PAGE.format(chart=json.dumps(chart), wire=json.dumps(wire), scripts=scripts)

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(f"{HOST}/")
        if path:
            route.fulfill(body=(STATIC / path).read_text(), content_type="text/javascript; charset=utf-8")
        else:
            route.fulfill(body=html, content_type="text/html")

    page = browser.new_page()
    page.add_init_script(SOCKET)
    page.route(f"{HOST}/**", serve)
    page.goto(f"{HOST}/")
    page.wait_for_function("window.socket?.onmessage && charts.view('live-chart')")
    page.evaluate("frame => socket.onmessage({data: frame})", json.dumps({"runs": {"7": EVENTS}}))
    page.wait_for_function("charts.settled('live-chart') && charts.points('live-chart') === 3")
    for metric, row in (("accuracy", [10, 0.7]), ("held_out", [10, 0.65]), ("loss", [20, 0.5])):
        assert page.evaluate(f"charts.view('live-chart').data('{metric}:mean').map(row => [row.step, row.value])") == [row]
    expect(page.locator("#live-chart-note")).to_have_text("This run: first non-finite value of the loss at step 10.")
    page.close()
