/* The disagreement explorer: dragging over a histogram sets its two limits, dragging over the map its four. */
"use strict";
(() => {
  const BINS = 20;

  function send(hist, from, to) {
    const low = Number(hist.dataset.low),
      width = Number(hist.dataset.width);
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const whole = hist.dataset.whole ? 1 : 0;
    const text = (value) => String(Number(value.toFixed(4)));
    const [min, max] = hist.querySelectorAll("input");
    min.value = first === 0 ? "" : text(low + first * width);
    max.value = last === BINS - 1 ? "" : text(low + (last + 1) * width - whole);
    max.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("pointerdown", (event) => {
    const area = event.target.closest(".brushed");
    if (!area || event.button) return;
    event.preventDefault();
    const box = area.getBoundingClientRect();
    const bin = (at) => Math.max(0, Math.min(BINS - 1, Math.floor(((at.clientX - box.left) / box.width) * BINS)));
    const drag = document.createElement("div");
    drag.className = "drag";
    area.append(drag);
    const start = bin(event);
    let end = start;
    function draw() {
      drag.style.left = `${(Math.min(start, end) / BINS) * 100}%`;
      drag.style.width = `${((Math.abs(start - end) + 1) / BINS) * 100}%`;
    }
    function move(to) {
      end = bin(to);
      draw();
    }
    function finish(to) {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", finish);
      removeEventListener("pointercancel", finish);
      drag.remove();
      if (to.type === "pointerup") send(area.closest(".filter-histogram"), start, end);
    }
    draw();
    addEventListener("pointermove", move);
    addEventListener("pointerup", finish);
    addEventListener("pointercancel", finish);
  });

  /* The map: a rectangle is a filter, a point is an example. A limit at the edge stays open, since points beyond are
     drawn there. */
  const NEAR = 10,
    STILL = 4;

  function choose(canvas, box, from, to) {
    const { left, right, bottom, top } = canvas.dataset;
    const x = (at) => Number(left) + ((at - box.left) / box.width) * (right - left);
    const y = (at) => Number(top) - ((at - box.top) / box.height) * (top - bottom);
    const text = (value) => String(Number(value.toPrecision(4)));
    const ends = {
      x_min: from.x <= box.left ? "" : text(x(from.x)),
      x_max: to.x >= box.right ? "" : text(x(to.x)),
      y_min: to.y >= box.bottom ? "" : text(y(to.y)),
      y_max: from.y <= box.top ? "" : text(y(from.y)),
    };
    const fields = Object.keys(ends).map((name) => document.querySelector(`#map [name=${name}]`));
    for (const field of fields) field.value = ends[field.name];
    fields[0].dispatchEvent(new Event("change", { bubbles: true }));
  }

  function open(canvas, at) {
    let best = null,
      least = NEAR;
    for (const circle of canvas.querySelectorAll("circle")) {
      const box = circle.getBoundingClientRect();
      const far = Math.hypot((box.left + box.right) / 2 - at.clientX, (box.top + box.bottom) / 2 - at.clientY);
      if (far < least) [best, least] = [circle, far];
    }
    if (best) location.href = `${canvas.dataset.home}${best.dataset.id}/?${canvas.dataset.query}`;
  }

  document.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest(".canvas");
    if (!canvas || event.button) return;
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    const inside = (at) => ({
      x: Math.max(box.left, Math.min(box.right, at.clientX)),
      y: Math.max(box.top, Math.min(box.bottom, at.clientY)),
    });
    const drag = document.createElement("div");
    drag.className = "drag";
    canvas.append(drag);
    const start = inside(event);
    let from = start,
      to = start;
    function move(at) {
      const end = inside(at);
      from = { x: Math.min(start.x, end.x), y: Math.min(start.y, end.y) };
      to = { x: Math.max(start.x, end.x), y: Math.max(start.y, end.y) };
      Object.assign(drag.style, {
        left: `${from.x - box.left}px`,
        top: `${from.y - box.top}px`,
        width: `${to.x - from.x}px`,
        height: `${to.y - from.y}px`,
      });
    }
    function finish(at) {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", finish);
      removeEventListener("pointercancel", finish);
      drag.remove();
      if (at.type !== "pointerup") return;
      if (Math.max(to.x - from.x, to.y - from.y) < STILL) open(canvas, at);
      else choose(canvas, box, from, to);
    }
    addEventListener("pointermove", move);
    addEventListener("pointerup", finish);
    addEventListener("pointercancel", finish);
  });

  /* The section for other models stays as the reader left it when a filter changes. */
  let folded = null;
  document.addEventListener("click", (event) => {
    const fold = event.target.closest(".compare > summary")?.parentElement;
    if (fold) folded = fold.open;
  });
  document.addEventListener("htmx:after:swap", () => {
    const fold = document.querySelector(".compare");
    if (fold && folded !== null) fold.open = !folded;
  });
})();
