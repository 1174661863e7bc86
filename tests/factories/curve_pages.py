"""Pages of curves without a laboratory: the real scripts and style sheets, a socket whose frames the test sends."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from playwright.sync_api import Browser, Page, Route

from webapp.charts import metrics
from webapp.charts.bins import Curve, width_of
from webapp.charts.live import Series, live_chart

STATIC = Path(__file__).parents[2] / "static"
VENDOR = ("vendor/vega.min", "vendor/vega-lite.min", "vendor/vega-embed.min")
OURS = ("bins", "curves", "curve_spec", "hover", "charts", "legend", "live", "curve_controls")
SCRIPTS = (*VENDOR, *(f"js/{name}" for name in OURS))
STYLES = ("tokens", "base", "pages", "charts", "curves")
HOST = "http://lab.test"
CHART = "live-chart"

SOCKET = """
window.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor() { window.socket = this; setTimeout(() => this.onopen(), 0); }
  send(text) { if (text === "{}") setTimeout(() => this.onmessage({data: '{"runs": {}, "pong": true}'}), 0); }
  close() {}
};
"""

HTML = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Curves</title>
{styles}
<body>
<p id="reconnecting" hidden><span data-text></span><button data-try></button></p>
<section class="curve-section">
{controls}
<div class="chart" id="live-chart" style="width: 800px"></div>
<p id="live-chart-note" hidden></p>
<script type="application/json" data-chart="live-chart">{chart}</script>
{legend}
</section>
<script type="application/json" id="wire">{wire}</script>
{scripts}
"""

Event = Mapping[str, Any]


def place(series: str, seed: int = 0, **more: Any) -> dict[str, Any]:
    return {"series": series, "seed": seed, "title": f"{series.title()}, seed {seed}", "epochs": 2, "batch": 32, **more}


def packed(points: Sequence[tuple[int, float]], total: int, seq: int, metric: str = "loss") -> dict[str, Any]:
    """The part of a page about a run with these points, a point a millisecond."""
    curve = Curve(width_of(total))
    for step, value in points:
        curve.add(step, value, at=step)
    return {"seq": seq, "total": total, "start": 1_000_000, "width": curve.width, "curves": {metric: curve.packed(1)}}


class CurvePage:
    """A page with one chart. ``wire`` may be changed before the page is read again."""

    def __init__(
        self,
        browser: Browser,
        series: Sequence[Series],
        runs: Mapping[int, Mapping[str, Any]],
        curves: Mapping[int, Mapping[str, Any]] | None = None,
        query: str = "",
        answer: Callable[[str], Any] | None = None,
    ) -> None:
        total = max(line.steps for line in series)
        self.chart = live_chart(series, total, len({run["seed"] for run in runs.values()}))
        self.wire: dict[str, Any] = {
            "experiment": 1,
            "chart": CHART,
            "metrics": metrics.for_scripts(),
            "runs": runs,
            "curves": curves or {},
            "most": 512,
        }
        self.answer, self.loads, self.wrong = answer, 0, list[str]()
        self.page: Page = browser.new_page(viewport={"width": 900, "height": 900})
        self.page.add_init_script(SOCKET)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.route(f"{HOST}/**", self._serve)
        self.open(query)

    def open(self, query: str = "") -> None:
        self.page.goto(f"{HOST}/{query}")
        self.page.wait_for_function("() => Boolean(window.socket?.onmessage)")
        self.settle()

    def _serve(self, route: Route) -> None:
        path, _, query = route.request.url.removeprefix(f"{HOST}/").partition("?")
        if path == "runs/curves/":
            assert self.answer
            route.fulfill(json=self.answer(query))
        elif not path:
            self.loads += 1
            route.fulfill(body=self._html(), content_type="text/html")
        elif (STATIC / path).is_file():
            kind = {"js": "text/javascript; charset=utf-8", "css": "text/css"}.get(path.rpartition(".")[2], "font/woff2")
            route.fulfill(body=(STATIC / path).read_bytes(), content_type=kind)
        else:
            route.fulfill(status=204)

    def _html(self) -> str:
        return HTML.format(
            styles="".join(f'<link rel="stylesheet" href="/css/{name}.css">' for name in STYLES),
            controls=render_to_string("partials/curve_controls.html", {"finer": "/runs/curves/" if self.answer else ""}),
            chart=json.dumps(self.chart),
            legend=render_to_string("partials/each.html", {"chart": CHART, "spec": self.chart, "controls": True}),
            wire=json.dumps(self.wire),
            scripts="".join(f'<script src="/{name}.js" defer></script>' for name in SCRIPTS),
        )

    def send(self, events: Mapping[int, Sequence[Event]]) -> None:
        """Let events arrive, as one frame, and wait until they are drawn."""
        self.page.evaluate("frame => socket.onmessage({data: frame})", json.dumps({"runs": events}))
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_function(f"() => charts.settled('{CHART}')")

    def rows(self, layer: str, metric: str = "loss") -> list[dict[str, Any]]:
        """Return the rows that Vega draws in a layer."""
        drawn: list[dict[str, Any]] = self.page.evaluate(
            f"charts.view('{CHART}').data('{metric}:{layer}').map(row => ({{...row}}))"
        )
        return drawn

    def points(self, layer: str = "mean", metric: str = "loss") -> list[tuple[float, float]]:
        return [(row["x"], row["value"]) for row in self.rows(layer, metric)]

    def query(self) -> str:
        return self.page.url.partition("?")[2]

    def close(self) -> None:
        self.page.close()
        assert self.wrong == []
