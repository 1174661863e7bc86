/* Shows values at the pointer: hover.follow(chart), once it is drawn, for every chart of charts.js. Curves over steps
   (usermeta.hover "steps") get a rule over all panels, and the mean, interval and seeds of each line at its nearest
   point, also in the legend. Other charts show the text that the row of the nearest mark has as "about". A tap works
   like the pointer; nothing here keeps a page from scrolling.
   The event "crosshair" on the element of such a chart tells where the rule is: {x, text, spoken}; hover.cross(chart,
   x) puts the rule of another chart there, and hover.move(chart, key) moves it by a key. hover.places(chart) are the
   panels, with "top" where their titles begin, and hover.shareAt(chart, event) the share of their width at the pointer.
*/
"use strict";
window.hover = (() => {
  const NEAR = 28, // pixels from a mark
    REACH = 0.01; // share of the width by which a line is known beyond its ends
  const number = (value) =>
    Math.abs(value) < 10
      ? value
          .toFixed(3)
          .replace(/^(-?)0\./, "$1.")
          .replace("-", "−")
      : value.toPrecision(4);

  function walk(item, x, y, visit) {
    for (const mark of item.items ?? []) {
      for (const child of mark.items ?? []) {
        if (mark.marktype === "group") walk(child, x + (child.x || 0), y + (child.y || 0), visit);
        else visit(mark, child, x, y);
      }
    }
  }

  /* Panels from the top: {x, y, width, height, lines: series id -> rows}. Every view has its own rows, which are
     read when the pointer is over it. */
  function panels(chart) {
    const byPlace = new Map(),
      [left, top] = chart.view.origin();
    walk({ items: [chart.view.scenegraph().root] }, 0, 0, (mark, item, x, y) => {
      const row = item.datum;
      if (
        (mark.marktype !== "line" && mark.marktype !== "rule") ||
        row?.series === undefined ||
        row.here === undefined ||
        (mark.marktype === "rule" && !row.level)
      )
        return;
      const plot = plotOf(mark.group),
        key = `${x} ${y}`;
      if (!byPlace.has(key))
        byPlace.set(key, { x: x + left, y: y + top, width: plot.width, height: plot.height, lines: new Map() });
      const lines = byPlace.get(key).lines;
      if (!lines.has(row.series)) lines.set(row.series, []);
      lines.get(row.series).push(row);
    });
    return [...byPlace.values()].sort((upper, lower) => upper.y - lower.y);
  }

  /* All panels from the top, also empty ones: {x, y, width, height, top}. */
  function places(chart) {
    const [left, top] = chart.view.origin(),
      panels = [];
    for (const mark of chart.view.scenegraph().root.items[0].items) {
      const [, number] = /^concat_(\d+)_group$/.exec(mark.name) ?? [];
      const [item] = mark.items;
      if (number !== undefined)
        panels[number] = {
          x: left + item.x,
          y: top + item.y,
          width: item.width,
          height: item.height,
          top: top + item.bounds.y1,
        };
    }
    return panels;
  }

  function shareAt(chart, event, clamped = false) {
    const [panel] = places(chart),
      share = (event.clientX - chart.element.getBoundingClientRect().left - panel.x) / panel.width;
    if (clamped) return Math.min(1, Math.max(0, share));
    return share >= 0 && share <= 1 ? share : null;
  }

  function plotOf(group) {
    while (group && !group.width) group = group.mark?.group;
    return group ?? { width: 0, height: 0 };
  }

  const xOf = (row) => row.x ?? row.step; // rows of charts that earlier versions stored have a step alone
  function nearest(rows, x) {
    return rows.reduce((best, row) => (Math.abs(xOf(row) - x) < Math.abs(xOf(best) - x) ? row : best));
  }

  /* The row at a place of the axis; none where a line has ended before it or begins after it. */
  function at(rows, x, reach) {
    const row = nearest(rows, x),
      far = Math.abs(xOf(row) - x);
    if (far <= reach) return row;
    const ends = rows.map(xOf);
    return x > Math.max(...ends) || x < Math.min(...ends) ? null : row;
  }

  /* The value of the axis of x at a pixel of a panel. */
  function valueAt(chart, panel, pixel) {
    const [from, to] = chart.made?.domain ?? [0, chart.spec.usermeta.last];
    return from + ((pixel - panel.x) / panel.width) * (to - from);
  }

  function marks(chart) {
    const texts = [],
      [left, top] = chart.view.origin();
    walk({ items: [chart.view.scenegraph().root] }, left, top, (mark, item, x, y) => {
      if (item.datum?.about && item.bounds && mark.marktype !== "line")
        texts.push({ text: item.datum.about, bounds: item.bounds, x, y });
    });
    return texts;
  }

  const outside = (value, low, high) => Math.max(low - value, 0, value - high);

  function markAt(chart, x, y) {
    let best = null,
      least = NEAR;
    for (const mark of marks(chart)) {
      const { x1, x2, y1, y2 } = mark.bounds;
      const far =
        Math.hypot(outside(x - mark.x, x1, x2), outside(y - mark.y, y1, y2)) +
        Math.min(1, ((x2 - x1) * (y2 - y1)) / 1e6);
      if (far < least) [best, least] = [mark, far];
    }
    return best;
  }

  /* The tooltip of a chart, made when it is first needed. It holds text nodes alone, so no markup can get into it. */
  function parts(chart) {
    if (chart.tip?.isConnected) return chart;
    chart.tip = document.createElement("div");
    chart.tip.className = "tip";
    chart.tip.setAttribute("aria-hidden", "true");
    chart.rule = document.createElement("div");
    chart.rule.className = "cross";
    chart.element.append(chart.rule, chart.tip);
    return chart;
  }

  function line(kind, ...cells) {
    const row = document.createElement("div");
    row.className = kind;
    row.append(...cells);
    return row;
  }

  function cell(text, colour) {
    const element = document.createElement("span");
    element.textContent = text;
    if (colour) element.style.color = colour;
    return element;
  }

  function place(chart, x, y) {
    const { tip, element } = chart;
    tip.hidden = false;
    const width = element.clientWidth,
      right = x + 14 + tip.offsetWidth <= width;
    tip.style.left = `${Math.max(0, Math.min(right ? x + 14 : x - 14 - tip.offsetWidth, width - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, y - tip.offsetHeight - 10)}px`;
  }

  function putRule(chart, all, x) {
    const { rule } = parts(chart),
      [first] = all,
      last = all[all.length - 1];
    rule.hidden = false;
    rule.style.left = `${x}px`;
    rule.style.top = `${first.y}px`;
    rule.style.height = `${last.y + last.height - first.y}px`;
  }

  /* A value of the axis of x in words. */
  function wordsOf(chart, x) {
    const over = chart.state?.x ?? "step",
      rounded = Math.round(x).toLocaleString("en");
    if (over === "epoch") return `epoch ${x.toFixed(2)}`;
    if (over === "examples" || over === "tokens") return `${rounded} ${over}`;
    if (over === "relative") return x < 60 ? `${x.toFixed(1)} s` : `${Math.floor(x / 60)} min ${Math.round(x % 60)} s`;
    if (over === "wall") return new Date(x).toLocaleTimeString("en-GB");
    return `step ${rounded}`;
  }

  function steps(chart, x, y, spoken = false) {
    const all = panels(chart),
      first = all[0];
    if (!first || x < first.x - 2 || x > first.x + first.width + 2) return leave(chart);
    const last = all[all.length - 1],
      here = all.find((panel) => y <= panel.y + panel.height + 20) ?? last;
    const step = valueAt(chart, first, x);
    const names = new Map(chart.spec.usermeta.series.map((series) => [series.id, series]));
    putRule(chart, all, x);
    const { tip } = parts(chart);
    const reach = REACH * Math.abs(valueAt(chart, first, first.x + first.width) - valueAt(chart, first, first.x));
    const rows = [...here.lines]
      .map(([id, points]) => [names.get(id), points[0].level ? points[points.length - 1] : at(points, step, reach)])
      .filter(([name, row]) => name && row);
    rows.sort(([, row], [, other]) => other.value - row.value);
    const values = rows.map(([name, row]) =>
      line(
        chart.focus === name.id ? "at focus" : "at",
        cell(name.title, `var(--${name.token}-text)`),
        cell(number(row.value)),
        cell(row.low === null || row.low === undefined ? "" : `[${number(row.low)}, ${number(row.high)}]`),
        cell(row.here > 1 ? `n ${row.here}` : ""),
      ),
    );
    const marks = marksAt(chart, here, x).map((text) => line("text", cell(text)));
    for (const [name, row] of rows)
      if (row.leastStep !== undefined && (rows.length === 1 || chart.focus === name.id))
        marks.push(line("text", cell(extremesOf(row))));
    tip.replaceChildren(line("step", cell(wordsOf(chart, step))), ...values, ...marks);
    tip.dataset.step = Math.round(step);
    place(chart, x, Math.max(here.y, y));
    chart.pointed = { x, y };
    inLegend(chart, new Map(rows.map(([name, row]) => [name.id, number(row.value)])));
    const lines = rows.map(([name, row]) => `${name.title} ${number(row.value)}`),
      text = `${wordsOf(chart, step)}: ${lines.join(", ")}`;
    chart.element.dispatchEvent(new CustomEvent("crosshair", { bubbles: true, detail: { x: step, text, spoken } }));
  }

  /* The extremes of single steps for which a point stands. */
  const extremesOf = ({ least, leastStep, greatest, greatestStep }) =>
    `single steps from ${atStep(least, leastStep)} to ${atStep(greatest, greatestStep)}`;
  const atStep = (value, step) => `${number(value)} (step ${step.toLocaleString("en")})`;

  /* The texts of marks at the edges of a panel near a pixel. */
  function marksAt(chart, panel, x) {
    const near = marks(chart).filter(
      (mark) => Math.abs((mark.bounds.x1 + mark.bounds.x2) / 2 + mark.x - x) < 6 && Math.abs(mark.y - panel.y) < 2,
    );
    return near.map(({ text }) => text);
  }

  function inLegend(chart, values) {
    for (const value of document.querySelectorAll(`[data-legend="${CSS.escape(chart.element.id)}"] .value`))
      value.textContent = values.get(value.closest("[data-series]").dataset.series) ?? "";
  }

  /* The rule of a chart beside the pointer's own; null: none. */
  function cross(chart, x) {
    if (!chart.view) return;
    const all = panels(chart),
      [from, to] = chart.made.domain;
    if (x === null || x < from || x > to || !all.length) return leave(chart, false);
    putRule(chart, all, all[0].x + ((x - from) / (to - from)) * all[0].width);
  }

  /* Moves the rule by arrows, Home and End: a hundredth of the width, or to another panel. Returns whether it did. */
  function move(chart, key) {
    const all = panels(chart),
      by = { ArrowLeft: -0.01, ArrowRight: 0.01, Home: -1, End: 1, ArrowUp: 0, ArrowDown: 0 }[key];
    if (by === undefined || !all.length) return false;
    const [first] = all,
      at = chart.pointed ?? { x: first.x, y: first.y };
    const here = Math.max(
      0,
      all.findIndex((panel) => at.y <= panel.y + panel.height + 20),
    );
    const panel = all[Math.min(all.length - 1, Math.max(0, here + ({ ArrowUp: -1, ArrowDown: 1 }[key] ?? 0)))];
    steps(chart, Math.min(first.x + first.width, Math.max(first.x, at.x + by * first.width)), panel.y + 10, true);
    return true;
  }

  /* The series whose line is nearest to the pointer, to be singled out. */
  function seriesAt(chart, x, y) {
    let best = null,
      least = NEAR / 2;
    for (const panel of panels(chart)) {
      if (y < panel.y - 4 || y > panel.y + panel.height + 4) continue;
      const scale = chart.view.scale(scaleOf(chart, panel));
      const step = valueAt(chart, panel, x);
      for (const [id, rows] of panel.lines) {
        const far = Math.abs(panel.y + scale(nearest(rows, step).value) - y);
        if (far < least) [best, least] = [id, far];
      }
    }
    return best;
  }

  const scaleOf = (chart, panel) =>
    chart.spec.vconcat ? `concat_${panels(chart).findIndex((other) => other.y === panel.y)}_y` : "y";

  function leave(chart, alone = true) {
    if (!chart.tip || chart.rule.hidden) return;
    chart.tip.hidden = chart.rule.hidden = true;
    if (chart.spec.usermeta?.hover !== "steps") return;
    inLegend(chart, new Map());
    const detail = { x: null, text: "", spoken: false };
    if (alone) chart.element.dispatchEvent(new CustomEvent("crosshair", { bubbles: true, detail }));
  }

  function point(chart, event) {
    if (!chart.view) return;
    const box = chart.element.getBoundingClientRect(),
      x = event.clientX - box.left,
      y = event.clientY - box.top;
    if (chart.spec.usermeta?.hover === "steps") return steps(chart, x, y);
    const mark = markAt(chart, x, y);
    if (!mark) return leave(chart);
    const [title, ...rest] = mark.text.split("\n");
    parts(chart).rule.hidden = true;
    chart.tip.replaceChildren(line("step", cell(title)), ...rest.map((text) => line("text", cell(text))));
    place(chart, x, y);
  }

  function follow(chart) {
    if (chart.followed === chart.element) return;
    chart.followed = chart.element;
    let frame = 0;
    chart.element.addEventListener("pointermove", (event) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => point(chart, event));
    });
    chart.element.addEventListener("pointerdown", (event) => point(chart, event));
    chart.element.addEventListener("pointerleave", (event) => {
      cancelAnimationFrame(frame);
      if (event.pointerType === "mouse") leave(chart);
    });
    document.addEventListener("pointerdown", (event) => {
      if (!chart.element.contains(event.target)) leave(chart);
    });
  }

  return { follow, seriesAt, places, shareAt, cross, move };
})();
