/* The controls of all charts of curves on a page: one state, in the address, and a default in this browser.
   The toolbar is templates/partials/curve_controls.html; a section of class "curve-section" holds it, the charts and
   their legends. In the address: x, smooth, y=log, band, seeds=1, steps=0, zoom=FROM~TO (in units of x), hide=IDS,
   single=ID,
   pin=METRICS, panel=METRIC. An address that has any of them is not mixed with the default of the reader.
   data-finer is the address that answers ?runs=1,2&first=&last= with a range of steps in narrower bins; without it,
   zooming shows the points that the page has. */
"use strict";
(() => {
  const KEY = "curves",
    CLICK = 5, // pixels that a click may move
    WAIT_MS = 250,
    LONGEST = 40, // characters of an address that the page repeats
    NARROW = 560, // pixels of a chart whose titles leave no place beside them
    FACTOR = 1.6,
    TALLEST = 230; // pixels of a window beside a panel alone
  /* Why an axis is not offered, for the runs of the page. */
  const WHY = {
    epoch: () => "length unknown",
    examples: () => "batch size unknown",
    tokens: (runs) => {
      if (!runs.some((run) => run.curves.size)) return "nothing reported yet";
      return runs.some((run) => run.axes.has("examples"))
        ? "runs on features read none"
        : "not counted when these runs were trained";
    },
    relative: () => "no times",
    wall: () => "no times",
  };
  const list = (text) => (text ? text.split(",") : []);
  const amount = (text) => {
    const number = Number(text);
    return text.trim() && Number.isFinite(number) ? { smooth: Math.min(0.99, Math.max(0, number)) } : null;
  };
  const choice = (field, values) => (text) => (Object.hasOwn(values, text) ? { [field]: values[text] } : null);
  const named = (names) => Object.fromEntries(names.map((name) => [name, name]));
  const range = (text) => {
    const [from, to, ...more] = text.split("~").map((end) => (end.trim() ? Number(end) : NaN));
    return Number.isFinite(to - from) && to > from && !more.length ? { from, to } : null;
  };
  /* A number to a thousandth of a width: times of day have many digits before those that matter. */
  const rounded = (number, width) =>
    Number(number.toFixed(Math.min(20, Math.max(0, 3 - Math.floor(Math.log10(width))))));
  /* name in the address: [fields of the state, from text (null: that is no such state), to text] */
  const ADDRESS = {
    x: [["x"], choice("x", named(Object.keys(curves.AXES))), ({ x }) => x],
    smooth: [["smooth"], amount, ({ smooth }) => String(smooth)],
    y: [["log"], choice("log", { log: true, linear: false }), ({ log }) => (log ? "log" : "linear")],
    band: [["band"], choice("band", named(["t", "se", "sd", "range", "none"])), ({ band }) => band],
    seeds: [["seeds"], choice("seeds", { 0: false, 1: true }), ({ seeds }) => (seeds ? "1" : "0")],
    steps: [["steps"], choice("steps", { 0: false, 1: true }), ({ steps }) => (steps ? "1" : "0")],
    zoom: [["from", "to"], range, ({ from, to }) => [from, to].map((end) => rounded(end, to - from)).join("~")],
    hide: [["hidden"], (text) => ({ hidden: list(text) }), ({ hidden }) => hidden.join()],
    single: [["single"], (text) => ({ single: text }), ({ single }) => single],
    pin: [["pinned"], (text) => ({ pinned: list(text) }), ({ pinned }) => pinned.join()],
    panel: [["only"], (text) => ({ only: text }), ({ only }) => only],
  };
  const PERSONAL = ["x", "smooth", "log", "band", "seeds", "steps"];
  const FACTORY = { ...curves.DEFAULTS }; // with the lines that the chart hides at first

  let state, toolbar, personal;
  const same = (first, second, fields) =>
    fields.every((field) => JSON.stringify(first[field]) === JSON.stringify(second[field]));
  const all = () =>
    [...document.querySelectorAll(".chart[id]")]
      .map(({ id }) => charts.get(id))
      .filter((chart) => chart?.spec.usermeta?.curves);
  const chartOf = (event) => {
    const element = event.target.closest?.(".chart[data-steps]");
    const chart = element && charts.get(element.id);
    return toolbar && chart?.view && chart.spec.usermeta.curves ? chart : null;
  };

  /* The address and the default. */

  function remembered() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY)) ?? {};
      const usable = PERSONAL.filter((field) => {
        const [, from, to] = Object.values(ADDRESS).find(([fields]) => fields.includes(field));
        return typeof stored[field] === typeof FACTORY[field] && from(to(stored)) !== null;
      });
      return Object.fromEntries(usable.map((field) => [field, stored[field]]));
    } catch {
      return {};
    }
  }

  function read() {
    const query = new URLSearchParams(location.search),
      names = Object.keys(ADDRESS).filter((name) => query.has(name));
    state = { ...FACTORY, ...(names.length ? {} : personal) };
    const wrong = [];
    for (const name of names) {
      const said = ADDRESS[name][1](query.get(name));
      if (said) Object.assign(state, said);
      else wrong.push(`${name}=${query.get(name).slice(0, LONGEST)}`);
    }
    const about = all().map(({ spec }) => spec.usermeta.curves),
      has = (list, test) => about.some((each) => each[list].some(test));
    if (!has("panels", ({ metric }) => metric === state.only)) {
      if (state.only) wrong.push(`panel=${state.only.slice(0, LONGEST)}`);
      state.only = "";
    }
    if (!has("series", ({ id }) => id === state.single)) state.single = ""; // perhaps of what is compared no more
    const note = document.querySelector("[data-curve-wrong]");
    note.hidden = !wrong.length;
    note.textContent = wrong.length
      ? `The address says of the curves what they cannot show, which is left out: ${wrong.join(", ")}.`
      : "";
  }

  /* An address with the state of the page. */
  function put(to) {
    const usual = { ...FACTORY, ...personal };
    for (const [name, [fields, , text]] of Object.entries(ADDRESS)) {
      to.searchParams.delete(name); // and set anew, always in this order
      if (!same(state, FACTORY, fields) || !same(state, usual, fields)) to.searchParams.append(name, text(state));
    }
    return to;
  }

  function write() {
    const to = put(new URL(location.href));
    to.search = to.search.replaceAll("%7E", "~").replaceAll("%2C", ",");
    if (to.href !== location.href) history.replaceState(history.state, "", to);
    keep();
  }

  /* Links and forms marked by data-keeps lead to another part of the same page with the same state. */
  function keep() {
    for (const link of document.querySelectorAll("a[data-keeps]")) link.href = put(new URL(link.href)).search;
    for (const form of document.querySelectorAll("form[data-keeps]")) {
      form.querySelectorAll("[data-curve-field]").forEach((old) => old.remove());
      for (const [name, value] of put(new URL("?", location.href)).searchParams) {
        const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
        field.dataset.curveField = "1";
        form.append(field);
      }
    }
  }

  /* The state on the page. */

  function show() {
    const form = toolbar.querySelector("form");
    for (const field of ["smooth", "x", "band"]) form.elements[field].value = state[field];
    for (const field of ["seeds", "steps", "log"]) form.elements[field].checked = state[field];
    form.querySelector("[data-smooth]").value = state.smooth.toFixed(2).replace(/^0\./, ".");
    for (const button of toolbar.querySelectorAll('[data-zoom="left"], [data-zoom="right"], [data-zoom="whole"]'))
      button.disabled = state.from === null;
    const section = toolbar.closest(".curve-section");
    section.classList.toggle("full", Boolean(state.only));
    for (const chart of all()) {
      chart.height = state.only ? Math.max(240, innerHeight - TALLEST) : null;
      charts.set(chart.element.id, state);
      legend.set(chart.element.id, { only: state.single, hidden: state.hidden });
    }
  }

  function change(values) {
    const another = "x" in values && values.x !== state.x ? { from: null, to: null } : {};
    state = { ...state, ...another, ...values };
    write();
    show();
    refine();
  }

  /* Zoom and pan. */

  const whole = (chart) => curves.domain(chart.store, chart.about, { ...state, from: null });

  function zoomTo(chart, from, to) {
    const [first, last] = whole(chart),
      length = Math.min(to - from, last - first),
      least = (last - first) / 1e6;
    if (length < least) return;
    if (length >= (last - first) * 0.999) return change({ from: null, to: null });
    const begin = Math.min(Math.max(from, first), last - length);
    change({ from: begin, to: begin + length });
  }

  function zoomBy(chart, factor, at = 0.5) {
    const [from, to] = chart.made.domain,
      length = (to - from) / factor,
      middle = from + at * (to - from);
    zoomTo(chart, middle - at * length, middle - at * length + length);
  }

  function pan(chart, share) {
    const [from, to] = chart.made.domain,
      by = share * (to - from);
    if (state.from !== null) zoomTo(chart, from + by, to + by);
  }

  const ZOOM = {
    in: (chart) => zoomBy(chart, FACTOR),
    out: (chart) => zoomBy(chart, 1 / FACTOR),
    left: (chart) => pan(chart, -0.4),
    right: (chart) => pan(chart, 0.4),
    whole: () => change({ from: null, to: null }),
  };

  /* Narrower bins of the range that is shown, where it has more points than the page. */

  let asking = null,
    waiting = null;
  function wanted(chart) {
    const axis = curves.AXES[state.x],
      { COUNT, FIRST, LAST_STEP, AT } = bins,
      runs = [];
    let first = Infinity,
      last = -Infinity,
      width = 1;
    for (const run of chart.store.runs.values()) {
      if (!axis.has(run) || (state.single ? run.series !== state.single : state.hidden.includes(run.series))) continue;
      const inside = [...run.curves.values()]
        .flatMap((curve) => [...curve.bins.values()])
        .filter(
          (each) =>
            axis.of(run, each[LAST_STEP], each[AT]) >= state.from && axis.of(run, each[FIRST], each[AT]) <= state.to,
        );
      if (!inside.some((each) => each[COUNT] > 2)) continue;
      const [low, high] = [inside.map((each) => each[FIRST]), inside.map((each) => each[LAST_STEP])].map(
        (steps, index) => (index ? Math.max(...steps) : Math.min(...steps)),
      );
      if (run.fine && run.fine.first <= low && run.fine.last >= high && isCurrent(run)) continue;
      runs.push(run);
      first = Math.min(first, low);
      last = Math.max(last, high);
      width = Math.max(width, run.width);
    }
    return {
      runs,
      first: width * Math.floor(first / width),
      last: width * Math.ceil((last + 1) / width) - 1,
    };
  }

  const isCurrent = (run) =>
    [...run.curves].every(
      ([metric, { last }]) => last > run.fine.last || (run.fine.curves.get(metric)?.last ?? last) >= last,
    );

  function refine() {
    if (state.from === null) {
      asking?.abort();
      for (const chart of all()) for (const run of chart.store.runs.values()) run.fine = null;
      return;
    }
    if (!toolbar.dataset.finer) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => all().forEach(askFor), WAIT_MS);
  }

  async function askFor(chart) {
    const { runs, first, last } = wanted(chart);
    if (!runs.length) return;
    asking?.abort();
    asking = new AbortController();
    const ids = [...new Set(runs.map(({ id }) => Math.abs(id)))]; // a run of two lines has its second at -id
    const query = `runs=${ids.join()}&first=${first}&last=${last}`;
    try {
      const answer = await fetch(`${toolbar.dataset.finer}?${query}`, { signal: asking.signal });
      if (!answer.ok) throw new Error(`finer curves: ${answer.status}`);
      for (const [id, packed] of Object.entries(await answer.json())) {
        for (const run of [chart.store.runs.get(Number(id)), chart.store.runs.get(-id)])
          if (run && state.from !== null) bins.refine(run, first, last, packed);
      }
      charts.changed(chart.element.id);
    } catch (error) {
      if (error.name !== "AbortError") console.error(error);
    }
  }

  /* What was drawn: the badge, the choices of the axis, and the buttons of panels. */

  function drawn(chart) {
    const counts = Object.values(chart.made.counts),
      of = (name) => counts.reduce((sum, each) => sum + each[name], 0).toLocaleString("en");
    const badge = document.querySelector("[data-curve-badge]");
    badge.hidden = of("drawn") === of("total");
    badge.textContent = badge.hidden
      ? ""
      : `${of("drawn")} of ${of("total")} points: the lowest and the highest of neighbours. Zoom in for all.`;
    const runs = all().flatMap(({ store }) => [...store.runs.values()]);
    for (const option of toolbar.querySelectorAll('[name="x"] option')) {
      option.dataset.title ??= option.textContent;
      option.disabled = !runs.some((run) => curves.AXES[option.value].has(run)) && option.value !== state.x;
      option.textContent = option.disabled
        ? `${option.dataset.title} (${WHY[option.value](runs)})`
        : option.dataset.title;
    }
    tools(chart);
  }

  function tools(chart) {
    const places = hover.places(chart);
    let holder = chart.element.querySelector(":scope > .panels-tools");
    if (!holder) {
      holder = document.createElement("div");
      holder.className = "panels-tools";
      chart.element.append(holder);
    }
    chart.element.setAttribute("role", "group"); // a picture may not contain buttons: it is the canvas
    const canvas = chart.element.querySelector("canvas");
    canvas?.setAttribute("role", "img");
    canvas?.setAttribute("aria-label", chart.element.getAttribute("aria-label"));
    const { panels } = chart.about;
    const topOf = ({ top, y, height }) => Math.round(chart.width < NARROW ? y + height + 4 : top);
    const key = panels.map(({ metric }, index) => `${metric} ${topOf(places[index])}`).join();
    if (holder.dataset.key !== `${key} ${state.pinned} ${state.only}`) {
      holder.dataset.key = `${key} ${state.pinned} ${state.only}`;
      const focused =
        document.activeElement?.closest(".panel-tools") && document.activeElement.getAttribute("aria-label");
      holder.replaceChildren(...panels.map((panel, index) => toolsOf(panel, topOf(places[index]))));
      if (focused) holder.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  function toolsOf({ metric, title }, top) {
    const row = document.createElement("div");
    row.className = "panel-tools";
    row.style.top = `${top}px`;
    const button = (text, label, pressed, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.setAttribute("aria-label", `${label}: ${title}`);
      made.setAttribute("aria-pressed", pressed);
      made.addEventListener("click", act);
      row.append(made);
    };
    const pinned = state.pinned.includes(metric),
      alone = state.only === metric;
    button(pinned ? "pinned" : "pin", "Pin to the top", pinned, () =>
      change({ pinned: pinned ? state.pinned.filter((other) => other !== metric) : [...state.pinned, metric] }),
    );
    button(alone ? "close" : "full screen", "Full screen", alone, () => enlarge(alone ? "" : metric));
    return row;
  }

  function enlarge(metric) {
    const section = toolbar.closest(".curve-section");
    if (metric)
      section.requestFullscreen?.().catch(() => {}); // without it, the panel fills the window
    else if (document.fullscreenElement) document.exitFullscreen();
    change({ only: metric });
  }

  /* Pointer and keyboard. */

  let pressed = null; // {chart, from, range}
  document.addEventListener("pointerdown", (event) => {
    const chart = chartOf(event);
    pressed = null;
    if (!chart || event.button || event.pointerType !== "mouse" || event.target.closest("button")) return;
    const from = hover.shareAt(chart, event);
    if (from === null) return;
    pressed = { chart, from, x: event.clientX };
  });
  document.addEventListener("pointermove", (event) => {
    if (!pressed || Math.abs(event.clientX - pressed.x) < CLICK) return;
    const { chart, from } = pressed,
      [first] = hover.places(chart),
      to = hover.shareAt(chart, event, true),
      last = hover.places(chart).at(-1);
    pressed.range ??= chart.element.appendChild(
      Object.assign(document.createElement("div"), { className: "curve-range" }),
    );
    Object.assign(pressed.range.style, {
      left: `${first.x + Math.min(from, to) * first.width}px`,
      width: `${Math.abs(to - from) * first.width}px`,
      top: `${first.y}px`,
      height: `${last.y + last.height - first.y}px`,
    });
  });
  document.addEventListener("pointerup", (event) => {
    if (!pressed?.range) return;
    const { chart, from, range } = pressed,
      to = hover.shareAt(chart, event, true),
      [low, high] = chart.made.domain,
      value = (share) => low + share * (high - low);
    range.remove();
    pressed = null;
    if (from !== to) zoomTo(chart, value(Math.min(from, to)), value(Math.max(from, to)));
  });
  document.addEventListener("dblclick", (event) => {
    if (chartOf(event) && !event.target.closest("button")) change({ from: null, to: null });
  });
  document.addEventListener(
    "wheel",
    (event) => {
      const chart = event.ctrlKey || event.metaKey || event.shiftKey ? chartOf(event) : null;
      const at = chart && hover.shareAt(chart, event);
      if (!chart || at === null) return;
      event.preventDefault();
      const by = event.deltaY || event.deltaX;
      if (event.shiftKey) pan(chart, Math.sign(by) * 0.1);
      else zoomBy(chart, by < 0 ? FACTOR : 1 / FACTOR, at);
    },
    { passive: false },
  );
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && toolbar && state.only) return enlarge("");
    const chart = event.target.matches?.(".chart[data-steps]") ? chartOf(event) : null;
    if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.shiftKey && event.key.startsWith("Arrow") ? `Shift ${event.key}` : event.key;
    const act = {
      "+": ZOOM.in,
      "=": ZOOM.in,
      "-": ZOOM.out,
      0: ZOOM.whole,
      "Shift ArrowLeft": ZOOM.left,
      "Shift ArrowRight": ZOOM.right,
    }[key];
    if (act) act(chart);
    else if (!hover.move(chart, event.key)) return;
    event.preventDefault();
  });
  document.addEventListener("fullscreenchange", () => {
    if (toolbar && !document.fullscreenElement && state.only) change({ only: "" });
  });

  /* One crosshair over all charts, and its values for those who hear them. */
  document.addEventListener("crosshair", ({ target, detail: { x, text, spoken } }) => {
    for (const chart of all()) if (chart.element !== target) hover.cross(chart, x);
    const values = document.querySelector("[data-curve-values]");
    if (values && spoken) values.textContent = text;
  });

  document.addEventListener("legend", ({ detail: { hidden, only } }) => {
    if (toolbar && !same({ hidden, single: only }, state, ["hidden", "single"])) change({ hidden, single: only });
  });

  async function start() {
    toolbar = document.querySelector("[data-curve-controls]");
    if (!toolbar) return;
    toolbar.hidden = false;
    if (matchMedia("(max-width: 720px)").matches) toolbar.open = false;
    personal = remembered();
    await charts.fonts;
    charts.scan();
    FACTORY.hidden = all().flatMap(({ spec }) => spec.usermeta.curves.hidden);
    read();
    for (const { element } of all()) {
      element.tabIndex = 0;
      element.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight + - 0 Shift+ArrowLeft Shift+ArrowRight");
    }
    show();
    keep();
    document.addEventListener("htmx:after:swap", keep);
    document.addEventListener("curves", ({ target }) => {
      drawn(charts.get(target.id));
      refine();
    });
    for (const chart of all()) if (chart.view) drawn(chart);
    toolbar.addEventListener("input", ({ target }) => {
      if (target.name === "smooth") change({ smooth: Number(target.value) });
      else if (target.name) change({ [target.name]: target.type === "checkbox" ? target.checked : target.value });
    });
    toolbar.addEventListener("submit", (event) => event.preventDefault());
    toolbar.addEventListener("click", ({ target }) => {
      const { zoom, preference } = target.dataset;
      if (zoom) ZOOM[zoom](all().find((chart) => chart.view));
      if (preference === "reset") change({ ...FACTORY, only: state.only });
      if (preference === "store") remember(target);
    });
    addEventListener("popstate", () => {
      read();
      show();
      keep();
    });
  }

  function remember(button) {
    personal = Object.fromEntries(PERSONAL.map((field) => [field, state[field]]));
    try {
      localStorage.setItem(KEY, JSON.stringify(personal));
    } catch {
      /* for this page only */
    }
    write();
    button.textContent = "Stored in this browser";
    setTimeout(() => {
      button.textContent = "Make this my default";
    }, 2000);
  }

  document.addEventListener("DOMContentLoaded", start);
})();
