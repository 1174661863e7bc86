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

  /* Place and size of the points are those of the drawing, in whose units they are compared. */
  function nearest(canvas, at) {
    const svg = canvas.querySelector("svg"),
      box = svg.getBoundingClientRect(),
      unit = svg.viewBox.baseVal.width / box.width;
    const [x, y] = [(at.clientX - box.left) * unit, (at.clientY - box.top) * unit];
    let best = null,
      least = NEAR * unit;
    for (const circle of svg.querySelectorAll("circle")) {
      const far = Math.hypot(circle.cx.baseVal.value - x, circle.cy.baseVal.value - y);
      if (far < least) [best, least] = [circle, far];
    }
    return best;
  }

  const address = (canvas, circle) => `${canvas.dataset.home}${circle.dataset.id}/?${canvas.dataset.query}`;
  const shown = (canvas) => canvas.querySelector("circle.shown");

  /* The example of a point, beside it: under a mouse, after a tap, or by the arrow keys. */
  function preview(canvas, circle, touched = false) {
    const card = canvas.querySelector(".preview");
    if (circle === shown(canvas)) return;
    shown(canvas)?.classList.remove("shown");
    card.hidden = !circle;
    if (!circle) return;
    circle.classList.add("shown");
    const image = card.querySelector("img");
    if (image) image.src = `${canvas.dataset.home}${circle.dataset.id}/picture/`;
    card.querySelector("span").textContent = circle.dataset.text;
    card.href = address(canvas, circle);
    card.classList.toggle("touched", touched);
    const [point, box] = [circle.getBoundingClientRect(), canvas.getBoundingClientRect()];
    const right = point.right - box.left + 6,
      left = Math.max(0, point.left - box.left - 6 - card.offsetWidth);
    card.style.left = `${right + card.offsetWidth > box.width ? left : right}px`;
    card.style.top = `${Math.max(0, Math.min(box.height - card.offsetHeight, point.top - box.top))}px`;
  }

  function choosePoint(canvas, at) {
    const circle = nearest(canvas, at);
    if (!circle) preview(canvas, null);
    else if (at.pointerType === "mouse" || circle === shown(canvas)) location.href = address(canvas, circle);
    else preview(canvas, circle, true);
  }

  document.addEventListener("pointermove", (event) => {
    const canvas = event.target.closest?.(".canvas");
    if (canvas && event.pointerType === "mouse" && !event.buttons) preview(canvas, nearest(canvas, event));
  });
  document.addEventListener("pointerout", (event) => {
    const canvas = event.target.closest?.(".canvas");
    if (canvas && event.pointerType === "mouse" && !canvas.contains(event.relatedTarget)) preview(canvas, null);
  });

  /* An arrow goes to the nearest point that lies more in its direction than beside it. */
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function neighbour(canvas, [right, down]) {
    const from = shown(canvas),
      view = canvas.querySelector("svg").viewBox.baseVal;
    const [x, y] = from
      ? [from.cx.baseVal.value, from.cy.baseVal.value]
      : [view.width / 2 - right * view.width, view.height / 2 - down * view.height];
    let best = from,
      least = Infinity;
    for (const circle of canvas.querySelectorAll("circle")) {
      const [dx, dy] = [circle.cx.baseVal.value - x, circle.cy.baseVal.value - y];
      const [along, beside] = [dx * right + dy * down, Math.abs(dx * down) + Math.abs(dy * right)];
      const far = along + 2 * beside;
      if (along > 0 && along >= beside && far < least) [best, least] = [circle, far];
    }
    return best;
  }

  document.addEventListener("keydown", (event) => {
    const canvas = event.target.closest?.(".canvas");
    if (!canvas || event.altKey || event.ctrlKey || event.metaKey) return;
    const circle = shown(canvas);
    if (event.key in ARROWS) preview(canvas, neighbour(canvas, ARROWS[event.key]));
    else if (event.key === "Enter" && circle) location.href = address(canvas, circle);
    else if (event.key === "Escape" && circle) preview(canvas, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  document.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest(".canvas");
    if (!canvas || event.button || event.target.closest(".preview")) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
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
      if (Math.max(to.x - from.x, to.y - from.y) < STILL) choosePoint(canvas, at);
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
