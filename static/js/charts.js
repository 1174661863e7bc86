/* Draws the spec of every <script type="application/json" data-chart="ELEMENT_ID"> in that element, and again when
   the theme or the width changes. Specs are plain Vega-Lite. These strings stand for values that only the browser
   knows:
     "var(--conf)"        the computed colour
     "dash(--dash-weak)"  the dash, here [2, 3]
     "width": "container" the width of the element, less the margin for labels in usermeta.margin {wide, narrow}
   <input type="checkbox" data-param="NAME" data-of="ELEMENT_ID"> sets a parameter of that chart.
   Charts work under script-src 'self': with ast, Vega interprets its expressions instead of compiling them.
   charts.append(id, rows) adds rows to a chart whose data set is "live".
   A chart of curves (usermeta.curves) has a store of bins.js, of the rows in its spec or from charts.feed(id, store);
   charts.changed(id, metrics) draws what was added to it, and charts.set(id, values) changes the state of its controls
   (curves.js) and the parameter "focus". charts.seriesAt(id, event) returns the line at the pointer.
   The event "curves" on its element says that its rows were drawn: {domain, counts}.
   An element of class "reserve" after a chart takes up its height until it is drawn. */
"use strict";
window.charts = (() => {
  const NARROW = 560,
    PAUSE_MS = 50, // the least time between two paints; a slow one is followed by as long a pause
    NEAR = "300px", // from the screen, where a chart is drawn
    RESIZE_MS = 150,
    LIVE = "live",
    CLEAN = 500; // removed rows of one line of which Vega holds what it drew
  const root = document.documentElement;
  const charts = new Map(); // element id -> {element, spec, view, finalize, width, turn, timer}
  /* A chart of curves has a store, a state and the metrics that are stale as well. */

  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function colour(text) {
    for (let depth = 0; depth < 3 && text.includes("var("); depth++)
      text = text.replace(/var\((--[\w-]+)\)/g, (_, name) => css(name));
    return text;
  }

  function resolve(value, width) {
    if (typeof value === "string") {
      const dash = /^dash\((--[\w-]+)\)$/.exec(value);
      return dash ? css(dash[1]).split(/\s+/).map(Number) : colour(value);
    }
    if (Array.isArray(value)) return value.map((item) => resolve(item, width));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        key === "width" && item === "container" ? width : resolve(item, width),
      ]),
    );
  }

  function config(width) {
    const [font, ink, soft, pale, rule, axis] = ["--sans", "--ink", "--ink-2", "--ink-3", "--rule", "--rule-2"].map(
      css,
    );
    return {
      font,
      background: "transparent",
      padding: { top: 0, left: 0, right: 0, bottom: 4 },
      view: { stroke: null },
      legend: { disable: true },
      rule: { color: axis },
      text: { fontSize: 12, color: soft },
      line: { strokeWidth: 2, strokeCap: "butt", strokeJoin: "round" },
      title: {
        fontSize: 13,
        fontWeight: 600,
        color: ink,
        subtitleColor: pale,
        subtitleFontSize: 12,
        subtitlePadding: 3,
        anchor: "start",
        frame: "group",
        offset: 12,
        limit: width, // also in a font that is there before Inter and is wider
      },
      axis: {
        labelFontSize: 11,
        titleFontSize: 11,
        titleFontWeight: 400,
        labelColor: pale,
        titleColor: pale,
        gridColor: rule,
        domainColor: axis,
        tickColor: axis,
        tickSize: 4,
        labelPadding: 5,
        titlePadding: 8,
      },
      axisX: { grid: false },
      axisY: { grid: true, domain: false, ticks: false },
    };
  }

  const isCurves = (chart) => Boolean(chart.spec.usermeta?.curves);
  const isLive = (chart) => isCurves(chart) || chart.spec.data?.name === LIVE; // or stored by an earlier version

  /* A chart is embedded once at a time; of several requests that wait, only the last is carried out. One that is far
     from the screen waits until it comes near. */
  function draw(chart) {
    chart.outdated = !chart.near;
    if (chart.outdated) return;
    const turn = ++chart.turn;
    chart.drawing = chart.drawing
      .then(() => turn === chart.turn && embed(chart))
      .catch((error) => console.error(chart.element.id, error));
  }

  async function embed(chart) {
    chart.width = chart.element.clientWidth;
    if (!chart.width) return; // hidden: the observer calls again when it is shown
    const margin = chart.spec.usermeta?.margin?.[chart.width < NARROW ? "narrow" : "wide"] ?? 0;
    const spec = resolve(
      isCurves(chart) ? curveSpec(chart.spec, chart.state, chart.height) : chart.spec,
      chart.width - margin,
    );
    for (const parameter of spec.params ?? []) {
      if (parameter.name === "room") parameter.value = margin - chart.spec.usermeta.axis;
      else if (chart.set && parameter.name in chart.set) parameter.value = chart.set[parameter.name];
    }
    chart.focus = chart.set?.focus ?? "";
    const before =
      chart.element.offsetHeight ||
      chart.element.parentElement.querySelector(":scope > .reserve")?.getBoundingClientRect().height ||
      0;
    chart.element.style.minHeight = `${before}px`; // nothing below moves during a redraw
    spec.config = { ...spec.config, ...config(chart.width) };
    if (isCurves(chart)) {
      // For thousands of points: no text for each, which a canvas does not have, and a test of its numbers once.
      Object.assign(spec.config, { aria: false, mark: { invalid: "filter" } });
      fill(chart, spec);
    }
    chart.finalize?.();
    chart.view = null;
    const shown = await vegaEmbed(chart.element, spec, {
      ast: true,
      actions: false,
      defaultStyle: false, // a style element, which the page's policy forbids
      tooltip: false,
      logLevel: vega.Error,
      renderer: isLive(chart) ? "canvas" : "svg",
    });
    chart.view = shown.view;
    chart.view.cleanThreshold = CLEAN;
    chart.finalize = () => shown.finalize();
    chart.element.setAttribute("role", "img");
    chart.element.setAttribute("aria-label", chart.spec.description ?? "");
    chart.element.dataset.drawn = "1";
    if (chart.spec.usermeta?.hover === "steps") chart.element.dataset.steps = "1";
    hover.follow(chart);
    chart.element.style.minHeight = "";
    if (isCurves(chart)) tell(chart);
    if (chart.stale.size) later(chart);
  }

  /* Puts all rows into the spec of a chart of curves. */
  function fill(chart, spec) {
    chart.stale.clear();
    chart.about = spec.usermeta.curves;
    chart.made = curves.rows(chart.store, chart.about, chart.state);
    chart.bounds = "";
    spec.datasets = {};
    for (const [metric, layers] of Object.entries(chart.made.panels))
      for (const [layer, rows] of Object.entries(layers)) spec.datasets[curves.dataset(metric, layer)] = rows;
    const set = { xmin: chart.made.domain[0], xmax: chart.made.domain[1] };
    for (const parameter of spec.params) if (parameter.name in set) parameter.value = set[parameter.name];
  }

  /* Makes the canvas as large as what is drawn, where that has changed: names of lines, or labels of an axis. */
  async function fit(chart) {
    const { x1, x2, y1, y2 } = chart.view.scenegraph().root.items[0].bounds,
      key = [x1, x2, y1, y2].map(Math.round).join();
    if (chart.bounds !== key) await chart.view.resize().runAsync();
    chart.bounds = key;
  }

  /* Says in each panel without anything drawn why. */
  function explain(chart) {
    const places = hover.places(chart),
      empty = curves.empty(chart.store, chart.about, chart.made.panels, chart.state),
      texts = chart.about.panels.flatMap(({ metric }, index) => {
        const text = empty[metric],
          { x, y, width, height } = places[index];
        return text ? [{ text, x, y: y + height / 2, width }] : [];
      });
    const key = JSON.stringify(texts);
    if (chart.explained === key && (!texts.length || chart.element.querySelector(":scope > .panel-empty"))) return;
    chart.explained = key;
    chart.element.querySelectorAll(":scope > .panel-empty").forEach((old) => old.remove());
    for (const { text, x, y, width } of texts) {
      const shown = document.createElement("p");
      shown.className = "panel-empty note";
      shown.textContent = text;
      Object.assign(shown.style, { left: `${x}px`, top: `${y}px`, width: `${width}px` });
      chart.element.append(shown);
    }
  }

  function tell(chart) {
    const { domain, counts } = chart.made;
    explain(chart);
    chart.element.dispatchEvent(new CustomEvent("curves", { bubbles: true, detail: { domain, counts } }));
  }

  /* The changes from rows that Vega has to new ones, by their places in each line: most rows stay as they are, so only
     what is new is drawn. Vega holds what it drew of a removed row for long. */
  function differences(old, rows) {
    const changes = vega.changeset(),
      lines = new Map(),
      places = new Map(),
      keyOf = (row) => `${row.series} ${row.seed}`;
    for (const row of old) {
      const key = keyOf(row);
      if (!lines.has(key)) lines.set(key, []);
      lines.get(key).push(row);
    }
    for (const row of rows) {
      const key = keyOf(row),
        place = places.get(key) ?? 0,
        before = lines.get(key)?.[place];
      places.set(key, place + 1);
      if (!before) changes.insert(row);
      else for (const field in row) if (before[field] !== row[field]) changes.modify(before, field, row[field]);
    }
    for (const [key, line] of lines) for (const row of line.slice(places.get(key) ?? 0)) changes.remove(row);
    return changes;
  }

  /* Draws the panels that have changed, one after the other, so that the page answers in between. */
  async function repaint(chart) {
    const view = chart.view;
    while (view && chart.view === view && chart.stale.size) {
      const [metric] = chart.stale;
      chart.stale.delete(metric);
      const panel = chart.about.panels.find((each) => each.metric === metric);
      if (!panel) continue;
      const made = curves.rows(chart.store, { ...chart.about, panels: [panel] }, chart.state);
      for (const [layer, rows] of Object.entries(made.panels[metric])) {
        const name = curves.dataset(metric, layer),
          old = view.data(name);
        if (old.length || rows.length) view.change(name, differences(old, rows));
      }
      chart.made.panels[metric] = made.panels[metric];
      chart.made.counts[metric] = made.counts[metric];
      chart.made.domain = made.domain;
      view.signal("xmin", made.domain[0]).signal("xmax", made.domain[1]);
      await view.runAsync();
      await fit(chart);
      await new Promise((done) => setTimeout(done));
    }
    if (view && chart.view === view) tell(chart);
  }

  function later(chart) {
    if (!chart.near) return;
    chart.timer ??= setTimeout(
      async () => {
        const begun = performance.now();
        await repaint(chart);
        const now = performance.now();
        chart.resting = now + Math.max(PAUSE_MS, now - begun);
        chart.timer = null;
        if (chart.view && chart.stale.size) later(chart);
      },
      Math.max(0, (chart.resting ?? 0) - performance.now()),
    );
  }

  /* New points of these metrics are in the store, or of all. */
  function changed(id, metrics) {
    const chart = charts.get(id);
    if (!chart) return;
    for (const metric of metrics ?? chart.about?.panels.map((panel) => panel.metric) ?? []) chart.stale.add(metric);
    if (chart.stale.size) later(chart);
  }

  function feed(id, store) {
    const chart = charts.get(id);
    if (!chart) return;
    chart.store = store;
    changed(id);
  }

  /* Adds rows to the data set "live" of the spec, and to the chart. */
  function append(id, rows) {
    const chart = charts.get(id);
    if (!chart) return;
    const live = ((chart.spec.datasets ??= {})[LIVE] ??= []);
    live.push(...rows);
    chart.drawing = chart.drawing.then(async () => {
      const fresh = chart.view ? live.slice(chart.view.data(LIVE).length) : [];
      if (!fresh.length) return;
      const changes = vega.changeset().insert(fresh.map((row) => ({ ...row })));
      await chart.view.change(LIVE, changes).resize().runAsync();
    });
  }

  const widths = new ResizeObserver((entries) =>
    entries.forEach(({ target }) => {
      const chart = charts.get(target.id);
      if (!chart || chart.element !== target || chart.width === target.clientWidth) return;
      clearTimeout(chart.resize);
      chart.resize = setTimeout(draw, RESIZE_MS, chart);
    }),
  );

  function move(chart, near) {
    chart.near = near;
    if (near && chart.outdated) draw(chart);
    else if (near && chart.stale.size) later(chart);
  }

  const places = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const chart = charts.get(target.id);
        if (chart?.element === target) move(chart, isIntersecting);
      }
    },
    { rootMargin: NEAR },
  );

  function scan() {
    for (const [id, chart] of charts) {
      if (chart.element.isConnected) continue;
      widths.unobserve(chart.element);
      places.unobserve(chart.element);
      chart.turn++;
      chart.finalize?.();
      charts.delete(id);
    }
    for (const script of document.querySelectorAll("script[data-chart]:not([data-seen])")) {
      script.dataset.seen = "1";
      const element = document.getElementById(script.dataset.chart);
      const spec = JSON.parse(script.textContent);
      const chart = {
        element,
        spec,
        turn: 0,
        stale: new Set(),
        drawing: Promise.resolve(),
      };
      if (isCurves(chart)) {
        chart.store = bins.ofRows(spec.datasets?.live ?? []);
        const { hidden = [], steps = true } = spec.usermeta.curves;
        chart.state = { ...curves.DEFAULTS, hidden, steps };
      }
      charts.set(element.id, chart);
      draw(chart);
      widths.observe(element);
      places.observe(element);
    }
  }

  function choose({ target }) {
    const chart = charts.get(target.dataset?.of);
    if (chart) set(chart.element.id, { [target.dataset.param]: target.checked });
  }

  const STRUCTURE = ["x", "log", "pinned", "only"]; // parts of the state that need another spec

  /* Values of the state and of parameters, which survive redraws. */
  function set(id, values) {
    const chart = charts.get(id);
    if (!chart) return;
    chart.set = { ...chart.set, ...values };
    chart.focus = chart.set.focus;
    if (isCurves(chart)) {
      const before = chart.state,
        differs = (name) => JSON.stringify(before[name]) !== JSON.stringify(chart.state[name]);
      chart.state = { ...before, ...values };
      if (STRUCTURE.some(differs)) return draw(chart);
      if (Object.keys(chart.state).some((name) => name !== "focus" && differs(name))) changed(id);
    }
    if (!chart.view) return;
    for (const { name } of chart.spec.params ?? []) if (name in values) chart.view.signal(name, values[name]);
    chart.view.runAsync();
  }

  function seriesAt(id, event) {
    const chart = charts.get(id);
    if (!chart?.view) return null;
    const box = chart.element.getBoundingClientRect();
    return hover.seriesAt(chart, event.clientX - box.left, event.clientY - box.top);
  }

  const redraw = () => charts.forEach(draw);
  /* Charts wait for their letters, whose widths they are laid out by. Without them they are drawn in another font. */
  const fonts = Promise.allSettled(["400", "500", "600"].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  async function start() {
    await fonts;
    scan();
    new MutationObserver(redraw).observe(root, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    document.addEventListener("htmx:after:swap", scan);
    document.addEventListener("change", choose);
    addEventListener("beforeprint", () => charts.forEach((chart) => move(chart, true)));
  }
  document.addEventListener("DOMContentLoaded", start);

  return {
    fonts,
    append,
    feed,
    changed,
    set,
    seriesAt,
    scan,
    points: (id) => bins.count(charts.get(id).store),
    settled: (id) => Boolean(charts.get(id)?.view) && !charts.get(id).stale?.size && !charts.get(id).timer,
    get: (id) => charts.get(id),
    view: (id) => charts.get(id)?.view,
  };
})();
