"""The scripts of curves, evaluated without a browser, and stores of points for them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from webapp.charts.live import HALF
from webapp.charts.picture_files import script

Points = Sequence[tuple[int, float]]

HELPERS = """
function storeOf(runs) {
  const store = bins.make({});
  for (const [id, { points, bad = [], total, ...place }] of Object.entries(runs)) {
    bins.load(store, id, place);
    const run = store.runs.get(id);
    bins.started(store, run, total, 0, place.start ?? 0);
    for (const [step, value, at] of points) bins.add(run, "loss", step, value, at ?? 0);
    for (const [step, value] of bad) bins.add(run, "loss", step, value, 0);
  }
  return store;
}
function plain(store) {
  const curveOf = ({ bins, bad }) => [[...bins.entries()], [...bad.entries()]];
  return [...store.runs.values()].map((run) => [run.width, [...run.curves].map(([name, curve]) => [name, curveOf(curve)])]);
}
"""


def evaluated(expression: str) -> Any:
    """Return the value of a JavaScript expression that may use bins, curves, curveSpec and the helpers above."""
    evaluate = script()
    evaluate(HELPERS)
    return json.loads(evaluate(f"JSON.stringify({expression})"))


def run(series: str, points: Points, total: int, **more: Any) -> dict[str, Any]:
    return {"series": series, "points": points, "total": total, **more}


def about(*series: str, students: bool = False, final: bool = True, limits: Any = None, last: int = 100) -> dict[str, Any]:
    """The part of a spec about one panel, of the metric "loss", with these series; a student's name begins with m."""
    roles = [{"id": name, "title": name.title(), "role": "student" if name.startswith("m") else name} for name in series]
    panel = {"metric": "loss", "final": final, "limits": limits, "domain": [0, 1]}
    return {"half": HALF, "last": last, "students": students, "series": roles, "panels": [panel]}


def drawn(runs: Mapping[str, Mapping[str, Any]], spec: Mapping[str, Any], **state: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each layer of the panel, for runs by a name of their own."""
    expression = f"curves.rows(storeOf({json.dumps(runs)}), {json.dumps(spec)}, {{...curves.DEFAULTS, ...{json.dumps(state)}}})"
    layers: dict[str, list[dict[str, Any]]] = evaluated(f"{expression}.panels.loss")
    return layers
