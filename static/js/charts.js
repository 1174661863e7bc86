/* Draws the spec of every <script type="application/json" data-chart="ELEMENT_ID"> in that element, and again when
   the theme or the width changes. Specs are plain Vega-Lite. These strings stand for values that only the browser
   knows:
     "var(--conf)"        the computed colour
     "dash(--dash-weak)"  the dash, here [2, 3]
     "width": "container" the width of the element, less the margin for labels in usermeta.margin {wide, narrow}
   <input type="checkbox" data-param="NAME" data-of="ELEMENT_ID"> sets a parameter of that chart.
   Charts work under script-src 'self': with ast, Vega interprets its expressions instead of compiling them.
   charts.push(id, rows), charts.remove(id, predicate) and charts.rows(id) change and read the rows of a live chart,
   which survive redraws. charts.append(id, rows) adds rows to another chart with a data set "live".
   charts.set(id, {focus, hidden}) sets its parameters, and charts.seriesAt(id, event) returns
   the line at the pointer. An element of class "reserve" after a chart takes up its height until it is drawn. */
"use strict";
window.charts = (() => {
  const NARROW = 560,
    FLUSH_MS = 250,
    RESIZE_MS = 150,
    LIVE = "live";
  const root = document.documentElement;
  const charts = new Map(); // element id -> {element, spec, rows, pending, view, finalize, width, timer, turn}

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

  function config() {
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

  const isLive = (chart) => chart.spec.data?.name === LIVE;

  /* A chart is embedded once at a time; of several requests that wait, only the last is carried out. */
  function draw(chart) {
    const turn = ++chart.turn;
    chart.drawing = chart.drawing
      .then(() => turn === chart.turn && embed(chart))
      .catch((error) => console.error(chart.element.id, error));
  }

  async function embed(chart) {
    chart.width = chart.element.clientWidth;
    if (!chart.width) return; // hidden: the observer calls again when it is shown
    const margin = chart.spec.usermeta?.margin?.[chart.width < NARROW ? "narrow" : "wide"] ?? 0;
    const spec = resolve(chart.spec, chart.width - margin);
    for (const parameter of spec.params ?? []) {
      if (parameter.name === "room") parameter.value = margin - chart.spec.usermeta.axis;
      else if (chart.set && parameter.name in chart.set) parameter.value = chart.set[parameter.name];
    }
    chart.focus = chart.set?.focus ?? "";
    const before =
      chart.element.offsetHeight || chart.element.parentElement.querySelector(":scope > .reserve")?.offsetHeight || 0;
    chart.element.style.minHeight = `${before}px`; // nothing below moves during a redraw
    spec.config = { ...spec.config, ...config() };
    if (isLive(chart)) spec.datasets = { ...spec.datasets, [LIVE]: chart.rows.map((row) => ({ ...row })) };
    chart.pending = [];
    chart.finalize?.();
    chart.view = null;
    const shown = await vegaEmbed(chart.element, spec, {
      ast: true,
      actions: false,
      tooltip: false,
      logLevel: vega.Error,
      renderer: isLive(chart) ? "canvas" : "svg",
    });
    chart.view = shown.view;
    chart.finalize = () => shown.finalize();
    chart.element.setAttribute("role", "img");
    chart.element.setAttribute("aria-label", chart.spec.description ?? "");
    chart.element.dataset.drawn = "1";
    if (chart.spec.usermeta?.hover === "steps") chart.element.dataset.steps = "1";
    hover.follow(chart);
    chart.element.style.minHeight = "";
    if (chart.pending.length) later(chart);
  }

  function change(chart, changes) {
    return chart.view.change(LIVE, changes).resize().runAsync();
  }

  function later(chart) {
    chart.timer ??= setTimeout(() => {
      chart.timer = null;
      if (!chart.view || !chart.pending.length) return;
      change(chart, vega.changeset().insert(chart.pending.map((row) => ({ ...row }))));
      chart.pending = [];
    }, FLUSH_MS);
  }

  function push(id, rows) {
    const chart = charts.get(id);
    if (!chart) return;
    chart.rows.push(...rows);
    chart.pending.push(...rows);
    later(chart);
  }

  function remove(id, predicate) {
    const chart = charts.get(id);
    if (!chart) return;
    const stays = (row) => !predicate(row);
    chart.rows = chart.rows.filter(stays);
    chart.pending = chart.pending.filter(stays);
    if (chart.view) change(chart, vega.changeset().remove(predicate));
    else draw(chart);
  }

  /* Adds rows to the data set "live" of the spec, and to the chart. */
  function append(id, rows) {
    const chart = charts.get(id);
    if (!chart) return;
    const live = ((chart.spec.datasets ??= {})[LIVE] ??= chart.rows ?? []);
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

  function scan() {
    for (const [id, chart] of charts) {
      if (chart.element.isConnected) continue;
      widths.unobserve(chart.element);
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
        rows: spec.datasets?.[LIVE] ?? [],
        pending: [],
        turn: 0,
        drawing: Promise.resolve(),
      };
      charts.set(element.id, chart);
      draw(chart);
      widths.observe(element);
    }
  }

  function choose({ target }) {
    const chart = charts.get(target.dataset?.of);
    if (!chart) return;
    chart.spec.params.find((parameter) => parameter.name === target.dataset.param).value = target.checked;
    draw(chart);
  }

  /* Values of its parameters, which survive redraws. */
  function set(id, values) {
    const chart = charts.get(id);
    if (!chart) return;
    chart.set = { ...chart.set, ...values };
    chart.focus = chart.set.focus;
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
  async function start() {
    await Promise.all(["400 12px Inter", "500 12px Inter", "600 12px Inter"].map((font) => document.fonts.load(font)));
    scan();
    new MutationObserver(redraw).observe(root, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    document.addEventListener("htmx:after:swap", scan);
    document.addEventListener("change", choose);
  }
  document.addEventListener("DOMContentLoaded", start);

  return {
    push,
    append,
    remove,
    set,
    seriesAt,
    rows: (id) => [...(charts.get(id)?.rows ?? [])],
    scan,
    view: (id) => charts.get(id)?.view,
  };
})();
