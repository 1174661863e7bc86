/* The live part of a page: events of runs arrive through one socket, become points of the chart, and cause status
   fragments to be loaded again.
   <script id="wire">: {"experiment": id, "chart": element id,
     "metrics": {event kind: [{"metric", "field", "expected", "extremes"}, {"axis"}]},
     "runs": {run id: {"series", "seed", "title", "epochs", "batch"}},
     "curves": {run id: what the page has of its curves, up to the event "seq" (webapp/findings/run_curves.py)},
     "samples": {run id: its claim and samples of its machine, up to the same event},
     "most": bins of a curve, "unreadable": sentences on events that cannot be read}, and "socket" where the events come
     from another path than that of the experiment.
   A page of many curves has only "from", the address of its metrics, runs, curves, samples, most and unreadable, and it
   "reloads" when a run is gone. A run of two lines is a second time in "runs" and "curves", under its negative id.
   Every event is taken once: the page sends the numbers that it has, and ignores an event whose number it has seen.
   For tests, on <body>: data-events counts the events taken, those of the page itself included, data-live is
   connecting, live or reconnecting, and data-asleep is true while the tab sleeps. */
"use strict";
(() => {
  const BEAT_MS = 500,
    BEATS_PER_PING = 3,
    SILENCE_MS = 4000,
    SLEEP_MS = 5000,
    NEWS_MS = 1000,
    HIDDEN_NEWS_MS = 30000,
    DUE_MS = 3000,
    FIRST_WAIT_MS = 500,
    LONGEST_WAIT_MS = 8000,
    NOT_FOUND = 4404;
  const ENDS = ["finished", "stopped", "failed"];

  let wire,
    socket = null,
    wait = FIRST_WAIT_MS,
    timer = null,
    alive = 0,
    heard = Date.now(), // the page itself is the first that the server said
    beats = 0,
    events = 0,
    over = false,
    asleep = false,
    sleeping = null; // the timer until a hidden tab sleeps
  const have = {}; // run id -> number of its last event
  let store; // the points of all runs, of bins.js
  let stale = new Set(); // metrics with points that a hidden tab has not drawn yet

  const time = () => new Date(heard).toLocaleTimeString("en-GB");
  const byId = (id) => document.getElementById(id);

  function show(state, text = "") {
    const body = document.body,
      was = body.dataset.live;
    body.dataset.live = state;
    const late = state === "reconnecting";
    byId("reconnecting").hidden = !late;
    document.querySelectorAll(".live-part, .two.run").forEach((part) => part.classList.toggle("stale", late));
    if (late) byId("reconnecting").querySelector("[data-text]").textContent = text;
    if (was !== "live" && state === "live") ring(); // the status of the page may be older than the events that it has
  }

  function lost() {
    show(
      "reconnecting",
      `The server does not answer. Last update ${time()}. Trainings go on; the curves go on where they stopped.`,
    );
  }

  /* The socket: the first message says which events the page has, the others only that the page is still there. */

  function connect() {
    clearTimeout(timer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = wire.socket ?? `/ws/experiments/${wire.experiment}/`;
    const connection = new WebSocket(`${scheme}://${location.host}${path}`);
    socket = connection;
    alive = Date.now();
    connection.onopen = () => {
      connection.send(JSON.stringify({ have, asleep }));
      connection.send("{}");
    };
    connection.onmessage = (message) => {
      if (connection !== socket) return;
      alive = heard = Date.now();
      wait = FIRST_WAIT_MS;
      if (document.body.dataset.live !== "live") show("live");
      take(JSON.parse(message.data));
    };
    connection.onclose = (closed) => {
      if (connection !== socket) return;
      socket = null;
      if (closed.code === NOT_FOUND) {
        over = true;
        return wire.reloads ? location.reload() : access.check();
      }
      lost();
      again();
    };
  }

  function drop(connection) {
    if (connection !== socket) return;
    socket = null;
    connection.close();
    lost();
    again();
  }

  function again() {
    clearTimeout(timer);
    if (over) return;
    timer = setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }

  function now() {
    if (over) return;
    wait = FIRST_WAIT_MS;
    const connection = socket;
    socket = null;
    connection?.close();
    connect();
  }

  /* A hidden tab sleeps after some seconds: it sends nothing, and is sent nothing but that a run has ended. */
  function sleep(value) {
    if (asleep === value || over) return;
    asleep = value;
    document.body.dataset.asleep = asleep;
    alive = Date.now();
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ asleep }));
  }

  function shown() {
    clearTimeout(sleeping);
    if (document.hidden) sleeping = setTimeout(sleep, SLEEP_MS, true);
    else sleep(false);
  }

  function beat() {
    if (!socket || asleep) return;
    if (Date.now() - alive > SILENCE_MS) drop(socket);
    else if (socket.readyState === WebSocket.OPEN && ++beats % BEATS_PER_PING === 0) socket.send("{}");
  }

  /* Turns the events of a message into rows. */

  function take(frame) {
    if (frame.pong) return; // the answer to a ping
    if (frame.ended) return ring(true); // all that a tab which sleeps is told
    const before = events;
    let ended = false;
    for (const [run, list] of Object.entries(frame.runs)) {
      for (const event of list) {
        if (event.seq <= (have[run] ?? 0)) continue;
        have[run] = event.seq;
        events += 1;
        for (const id of [Number(run), -run]) draw(id, event);
        ended ||= ENDS.includes(event.kind);
      }
    }
    document.body.dataset.events = events;
    flush();
    ring(ended || events === before); // a message without events: a result was stored
  }

  function draw(id, event) {
    const run = store.runs.get(id);
    if (!run) return; // a run of another pair
    window.system?.take(id, wire.runs[id], event);
    const at = Date.parse(event.at) || 0;
    if (event.kind === "started") {
      if (!bins.started(store, run, event.total_steps, event.resumed_from, at)) readAgain(id);
      for (const metric of run.curves.keys()) stale.add(metric);
    }
    const since = Math.max(0, at - run.start);
    for (const { metric, field, expected, extremes, axis } of wire.metrics[event.kind] ?? []) {
      if (axis) {
        if (Number.isFinite(event[axis])) bins.addAxis(run, axis, event.step, event[axis], since);
        continue;
      }
      const finite = Number.isFinite(event[field]);
      if (!finite && !expected) continue;
      bins.add(run, metric, event.step, finite ? event[field] : (event.nonfinite ?? ""), since, event[extremes]);
      stale.add(metric);
    }
  }

  function flush() {
    if (document.hidden || over) return;
    if (stale.size) charts.changed(wire.chart, stale);
    stale = new Set();
    window.system?.draw();
    note();
  }

  const NAMES = { nan: "NaN", inf: "infinity", "-inf": "minus infinity", "": "non-finite value" };
  function note() {
    const texts = curves
      .firstBad(store)
      .map(
        ({ run, metric, step, value }) =>
          `${run.title}: first ${NAMES[value]} of the ${metric} at step ${step.toLocaleString("en")}.`,
      );
    const element = byId(`${wire.chart}-note`);
    element.hidden = !texts.length;
    if (element.textContent !== texts.join(" ")) element.textContent = texts.join(" ");
  }

  /* What the page shows now, from the address of its curves or from its own. */
  async function content() {
    const answer = await fetch(wire.from ?? location.href);
    if (!answer.ok) throw new Error(`the curves cannot be read: ${answer.status}`);
    if (wire.from) return answer.json();
    const script = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("wire");
    return JSON.parse(script.textContent);
  }

  /* Reads the curves of a run from the page's own address, since its bins contain points that are void now. */
  async function readAgain(id) {
    try {
      const { [id]: packed } = (await content()).curves;
      bins.load(store, id, wire.runs[id], packed);
      const missed = packed.seq < have[Math.abs(id)];
      have[Math.abs(id)] = packed.seq;
      charts.changed(wire.chart);
      if (missed) now();
    } catch (error) {
      console.error(error);
    }
  }

  /* Loads status fragments, at most once a second; in a hidden tab only when a run has ended, for its title, and
     then at most every half minute, unless the person asked to be notified of the end. */

  let rung = 0,
    ringing = null,
    due = null;
  function ring(ended = false) {
    if (over || ringing || (document.hidden && !ended)) return;
    const pause = document.hidden && document.body.dataset.notify !== "on" ? HIDDEN_NEWS_MS : NEWS_MS;
    ringing = setTimeout(
      () => {
        ringing = null;
        rung = Date.now();
        document.body.dispatchEvent(new Event("news"));
      },
      Math.max(0, rung + pause - Date.now()),
    );
  }

  // The notification of a result may be lost: while only the result is missing, the status is asked for again.
  document.addEventListener("htmx:after:swap", () => {
    clearTimeout(due);
    if (document.querySelector("#head[data-result-due]")) due = setTimeout(ring, DUE_MS, true);
  });

  document.addEventListener("DOMContentLoaded", async () => {
    const script = byId("wire");
    if (!script) return;
    wire = JSON.parse(script.textContent);
    if (wire.from) wire = { ...wire, ...(await content()) };
    store = bins.make(wire.runs, wire.curves, wire.most);
    for (const [run, { seq }] of Object.entries(wire.curves)) if (run > 0) have[run] = seq;
    const unreadable = byId(`${wire.chart}-unreadable`);
    if (unreadable && wire.unreadable.length) {
      unreadable.textContent = wire.unreadable.join(" ");
      unreadable.hidden = false;
    }
    document.body.dataset.live = "connecting";
    events = Object.values(have).reduce((sum, seq) => sum + seq, 0);
    document.body.dataset.events = events;
    await charts.fonts;
    charts.scan();
    charts.feed(wire.chart, store);
    for (const [id, list] of Object.entries(wire.samples ?? {}))
      for (const event of list) window.system?.take(Number(id), wire.runs[id], event);
    flush();
    connect();
    setInterval(beat, BEAT_MS);
    byId("reconnecting").querySelector("[data-try]").addEventListener("click", now);
    addEventListener("offline", () => socket && drop(socket));
    addEventListener("online", now);
    addEventListener("pageshow", (shown) => {
      if (shown.persisted) now();
    });
    shown();
    document.addEventListener("visibilitychange", () => {
      shown();
      if (!document.hidden && !over) {
        clearTimeout(ringing);
        ringing = null;
        flush();
        ring();
        if (!socket) now();
      }
    });
  });
})();
