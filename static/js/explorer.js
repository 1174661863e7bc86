/* The page of disagreements: a drag over a histogram fills in its two ends; j and k walk over the examples. */
"use strict";
(() => {
  const BINS = 20;

  function send(hist, from, to) {
    const low = Number(hist.dataset.low), width = Number(hist.dataset.width);
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const whole = hist.dataset.whole ? 1 : 0;
    const text = value => String(Number(value.toFixed(4)));
    const [min, max] = hist.querySelectorAll("input");
    min.value = first === 0 ? "" : text(low + first * width);
    max.value = last === BINS - 1 ? "" : text(low + (last + 1) * width - whole);
    max.dispatchEvent(new Event("change", {bubbles: true}));
  }

  document.addEventListener("pointerdown", event => {
    const area = event.target.closest(".brushed");
    if (!area || event.button) return;
    event.preventDefault();
    const box = area.getBoundingClientRect();
    const bin = at => Math.max(0, Math.min(BINS - 1, Math.floor((at.clientX - box.left) / box.width * BINS)));
    const drag = document.createElement("div");
    drag.className = "drag";
    area.append(drag);
    const start = bin(event);
    let end = start;
    function draw() {
      drag.style.left = `${Math.min(start, end) / BINS * 100}%`;
      drag.style.width = `${(Math.abs(start - end) + 1) / BINS * 100}%`;
    }
    function move(to) { end = bin(to); draw(); }
    function finish(to) {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", finish);
      removeEventListener("pointercancel", finish);
      drag.remove();
      if (to.type === "pointerup") send(area.closest(".hist"), start, end);
    }
    draw();
    addEventListener("pointermove", move);
    addEventListener("pointerup", finish);
    addEventListener("pointercancel", finish);
  });

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog[open]")) return;
    const step = {j: 1, k: -1}[event.key];
    const rows = [...document.querySelectorAll("#examples tbody tr")];
    if (!step || !rows.length) return;
    const at = rows.findIndex(row => row.classList.contains("cur"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (at < 0 ? 1 : step)))];
    rows[at]?.classList.remove("cur");
    next.classList.add("cur");
    next.querySelector("a").focus();
  });
})();
