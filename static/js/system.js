/* Samples of the machines that train the runs of a page, as charts over the time since each run was claimed.
   <... data-system> holds a chart for each number of a sample, such as
   <div class="chart" data-field="memory" data-scale="1e-9" data-unit="GB" hidden>, shown with its first value.
   [data-none] is hidden then; [data-shared] is shown once a sample is that of several runs. While <details> is closed,
   samples wait and nothing is drawn.
   live.js calls system.take(run, about, event) with every event; about is the entry of the run in #wire. */
"use strict";
window.system = (() => {
  const MOST = 20000; // samples of a page
  const EACH = 1000; // of a run, about the most that one has (webapp/jobs/sampler.py)
  const claimed = {}; // run id -> time of its first claim in ms
  const taken = {}; // run id -> number of samples so far
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
  let waiting = []; // {run, about, at, event} that are not drawn yet

  const place = () => document.querySelector("[data-system]");

  const clock = (ms) => new Date(ms).toISOString().slice(11, 19);

  /* Of very many runs every second sample is kept, or fewer: the first of so many, so that none is ever moved. */
  const stride = () => Math.ceil((place().dataset.runs * EACH) / MOST);

  function take(run, about, event) {
    if (!place()) return;
    if (event.kind === "claimed") claimed[run] ??= Date.parse(event.at);
    if (event.kind !== "system") return;
    taken[run] = (taken[run] ?? 0) + 1;
    if ((taken[run] - 1) % stride()) return;
    const at = Date.parse(event.at);
    waiting.push({ run, about, at: at - (claimed[run] ?? at), event });
  }

  function draw() {
    const root = place();
    if (!root || root.open === false || !waiting.length) return;
    for (const element of root.querySelectorAll("[data-field]")) {
      const { field, scale, unit } = element.dataset;
      const rows = waiting
        .filter(({ event }) => Number.isFinite(event[field]))
        .map(({ run, about, at, event }) => {
          const value = event[field] * scale;
          const text = `${about.title}\n${number.format(value)} ${unit}\nafter ${clock(at)}, at step ${event.step}`;
          return { run, series: about.series, at, value, about: text };
        });
      if (!rows.length) continue;
      element.hidden = false;
      charts.append(element.id, rows);
    }
    root.querySelector("[data-none]").hidden = true;
    if (waiting.some(({ event }) => event.runs > 1)) root.querySelector("[data-shared]").hidden = false;
    waiting = [];
  }

  document.addEventListener("DOMContentLoaded", () => place()?.addEventListener("toggle", draw));

  return { take, draw };
})();
