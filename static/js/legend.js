/* Singles out a line of a chart over steps, or hides lines: by its legend, and by pointing at a curve. A chart of
   curves draws no other line than one that is singled out, another chart draws the others faintly.
   <ul data-legend="ELEMENT_ID">
     <li data-series="ID"> <button data-do="only" aria-pressed> <button data-do="hide" aria-pressed>
   The choice survives redraws; while the pointer is over a curve or an entry, the others are faint.
   The event "legend" tells a choice: {id, only, hidden}, and legend.set(id, {only, hidden}) sets it. */
"use strict";
window.legend = (() => {
  const CLICK = 5; // pixels that a click may move

  const lists = (id) => document.querySelectorAll(`[data-legend="${CSS.escape(id)}"]`);

  function show(id, chosen) {
    for (const list of lists(id)) {
      for (const entry of list.querySelectorAll("[data-series]")) {
        const { series } = entry.dataset;
        entry.querySelector('[data-do="only"]').setAttribute("aria-pressed", chosen.only === series);
        entry.querySelector('[data-do="hide"]').setAttribute("aria-pressed", chosen.hidden.includes(series));
        entry.classList.toggle("off", chosen.only ? chosen.only !== series : chosen.hidden.includes(series));
      }
    }
    const { only, hidden } = chosen;
    charts.set(id, { focus: chosen.at || only, hidden, single: only });
    document.dispatchEvent(new CustomEvent("legend", { detail: { id, only, hidden } }));
  }

  const all = new Map(); // element id -> {only, at, hidden}
  function change(id, how) {
    if (!all.has(id)) all.set(id, { only: "", at: "", hidden: charts.get(id)?.spec.usermeta?.curves?.hidden ?? [] });
    const chosen = all.get(id),
      before = JSON.stringify(chosen);
    how(chosen);
    if (JSON.stringify(chosen) !== before) show(id, chosen);
  }

  const single = (id, series) =>
    change(id, (chosen) => {
      chosen.only = chosen.only === series ? "" : series;
      chosen.hidden = chosen.hidden.filter((other) => other !== chosen.only);
    });
  const toggle = (id, series) =>
    change(id, (chosen) => {
      chosen.hidden = chosen.hidden.includes(series)
        ? chosen.hidden.filter((other) => other !== series)
        : [...chosen.hidden, series];
      if (chosen.hidden.includes(chosen.only)) chosen.only = "";
    });

  const entryOf = (event) => event.target.closest?.("[data-legend] [data-series]");
  const chartOf = (event) => event.target.closest?.(".chart[data-steps]");

  document.addEventListener("click", (event) => {
    const entry = entryOf(event),
      button = event.target.closest?.("button[data-do]");
    if (entry && button)
      (button.dataset.do === "hide" ? toggle : single)(
        entry.closest("[data-legend]").dataset.legend,
        entry.dataset.series,
      );
  });
  document.addEventListener("pointerover", (event) => {
    const entry = entryOf(event);
    if (entry && event.pointerType === "mouse")
      change(entry.closest("[data-legend]").dataset.legend, (chosen) => {
        chosen.at = chosen.hidden.includes(entry.dataset.series) ? "" : entry.dataset.series;
      });
  });
  document.addEventListener("pointerout", (event) => {
    const left = event.target.closest?.("[data-legend], .chart[data-steps]");
    if (left && !left.contains(event.relatedTarget))
      change(left.dataset.legend ?? left.id, (chosen) => {
        chosen.at = "";
      });
  });

  let pressed = null;
  document.addEventListener("pointermove", (event) => {
    const element = chartOf(event);
    if (element && event.pointerType === "mouse")
      change(element.id, (chosen) => {
        chosen.at = charts.seriesAt(element.id, event) ?? "";
      });
  });
  document.addEventListener("pointerdown", (event) => {
    pressed = [event.clientX, event.clientY];
  });
  document.addEventListener("click", (event) => {
    const element = chartOf(event);
    if (!element || !pressed || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > CLICK) return;
    const series = charts.seriesAt(element.id, event);
    if (series) single(element.id, series);
    else
      change(element.id, (chosen) => {
        chosen.only = "";
      });
  });

  const set = (id, { only, hidden }) =>
    change(id, (chosen) => {
      Object.assign(chosen, { only, hidden });
    });
  return { set };
})();
